"""A real PostgreSQL on loopback, with its own data folder, run by an unprivileged user."""
import os
import pathlib
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import tempfile

from deploy.local import process

READY_S = 120
ROLE = "telefact"
SOCKET_PATH_MAX = 80  # a socket's path is limited to 107 bytes


class Postgres:
    """`state` is this server's part of the state file; whoever calls saves it."""

    def __init__(self, home, state):
        self.wanted_home = pathlib.Path(home)
        self.state = state
        # PostgreSQL refuses to run as root; Debian's package brings the user.
        self.user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None

    @property
    def home(self):
        return pathlib.Path(self.state["home"])

    @property
    def admin_dsn(self):
        """The superuser, through the private socket."""
        return f"host={self.home} port={self.state['port']} user=postgres dbname=postgres"

    def url(self, database=ROLE):
        return (f"postgresql://{ROLE}:{self.state['password']}"
                f"@127.0.0.1:{self.state['port']}/{database}")

    def prepare(self):
        """Choose the port and make the data folder, once."""
        if self.state.get("port"):
            return
        self.state["home"] = str(self._make_home())
        self._run("initdb", "-D", self._data, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8",
                  "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync",
                  "--no-instructions")
        self.state["port"] = process.free_ports(1)[0]
        self.state["password"] = secrets.token_hex(16)
        with open(self._data / "postgresql.auto.conf", "a") as conf:
            conf.write(f"listen_addresses = '127.0.0.1'\nport = {self.state['port']}\n"
                       f"unix_socket_directories = '{self.home}'\nmax_connections = 200\n"
                       "password_encryption = 'scram-sha-256'\nlog_min_messages = warning\n"
                       "timezone = 'UTC'\nlog_timezone = 'UTC'\n")

    def launch(self):
        if not self.is_running():
            self._forget_killed_server()
            self.state["process"] = process.spawn([_program("postgres"), "-D", str(self._data)],
                                                  self._log, self.home, self.user)

    def wait_ready(self):
        if not process.wait_until(self._is_ready, READY_S):
            raise RuntimeError(f"PostgreSQL is not ready\n{process.tail(self._log)}")
        if not self.state.get("role"):
            self.query(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{self.state['password']}'")
            self.create_database(ROLE)
            self.state["role"] = ROLE

    def create_database(self, name):
        if not re.fullmatch(r"[a-z_][a-z0-9_]*", name):
            raise ValueError(f"not a plain database name: {name}")
        self.query(f"CREATE DATABASE {name} OWNER {ROLE}")
        return self.url(name)

    def query(self, sql):
        return self._run("psql", "-XAtq", "-d", self.admin_dsn, "-c", sql)

    def end(self):
        """A fast shutdown: sessions are ended, everything is written; the data stays."""
        process.end(self.state.get("process"), signal.SIGINT)
        self.state["process"] = None

    def kill(self):
        """SIGKILL to the server and its sessions, as when the machine loses power."""
        server = self.state.get("process")
        if process.is_running(server):
            sessions = process.children_of(server)
            process.end(server, signal.SIGKILL)
            for session in sessions:
                process.end(session, signal.SIGKILL)
        self.state["process"] = None

    def remove(self):
        if self.state.get("home"):
            shutil.rmtree(self.home, ignore_errors=True)

    def is_running(self):
        return process.is_running(self.state.get("process"))

    @property
    def _data(self):
        return self.home / "data"

    @property
    def _log(self):
        return self.home / "postgres.log"

    def _make_home(self):
        """The wanted folder, or one in the temporary folder when PostgreSQL's user cannot reach it
        or its socket's path would be too long."""
        home = self.wanted_home
        shutil.rmtree(home, ignore_errors=True)  # of a start that was interrupted
        home.mkdir(parents=True)
        reached = subprocess.run(["test", "-x", home], check=False, **process.run_as(self.user))
        if reached.returncode != 0 or len(str(home)) > SOCKET_PATH_MAX:
            home.rmdir()
            home = pathlib.Path(tempfile.mkdtemp(prefix="telefact-postgres."))
        home.chmod(0o700)
        if self.user:
            os.chown(home, self.user.pw_uid, self.user.pw_gid)
        return home

    def _forget_killed_server(self):
        """Remove the lock files of a server that was killed, once its last session is gone: its
        pid may still be taken, by a zombie or by another program, and would refuse the start."""
        process.wait_until(lambda: not process.working_in(self._data), READY_S)
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        (self.home / f".s.PGSQL.{self.state['port']}.lock").unlink(missing_ok=True)

    def _is_ready(self):
        if not self.is_running():
            raise RuntimeError(f"PostgreSQL ended\n{process.tail(self._log)}")
        try:
            return self.query("SELECT 1").strip() == "1"
        except RuntimeError:
            return False

    def _run(self, program, *arguments):
        done = subprocess.run([_program(program), *map(str, arguments)], capture_output=True,
                              text=True, cwd=self.home, check=False, **process.run_as(self.user))
        if done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stderr.strip()}")
        return done.stdout


def _program(name):
    """Of the newest version that Debian has installed here."""
    versions = sorted(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}"),
                      key=lambda path: int(path.parts[4]))
    if not versions:
        raise RuntimeError("PostgreSQL is not installed: run ./dev setup")
    return str(versions[-1])
