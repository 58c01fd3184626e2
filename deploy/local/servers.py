"""The real Kafka and PostgreSQL that demo, tests and benches use. From Python:

    from deploy.local.servers import Servers

    servers = Servers(folder).start(kafka=True, postgres=True, brokers=1)
    servers.kafka_bootstrap                      "127.0.0.1:PORT[,...]"
    Servers(folder).start(guard=Guard.sasl(…))   Kafka with users, passwords and ACLs, or with
    servers.kafka.guarded                        certificates (Guard.tls), on a second listener
    servers.database_url                         a database "telefact", role "telefact"
    servers.create_database("other")             the URL of a new database of that role
    servers.admin_dsn                            libpq connection string of the superuser
    servers.stop_kafka(); servers.start_kafka()  the same ports and data; also for one node:
    servers.kill_kafka(node_id=2)                SIGKILL
    servers.launch_kafka(node_id=2)              one node again, without waiting for it
    servers.kill_postgres(); servers.start_postgres(); servers.stop_postgres()
    servers.stop()                               ends everything and removes the data

Everything is on loopback, with ports of its own and data below `folder`. The state is kept in
folder/state.json, so another process may attach with Servers(folder). One user of a folder at a
time; not thread-safe.
"""
import concurrent.futures
import json
import os
import pathlib
import shutil
import signal
import threading

from deploy.local.kafka import Kafka
from deploy.local.postgres import Postgres


class Servers:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder).absolute()
        self._state_file = self.folder / "state.json"
        state = {"kafka": {}, "postgres": {}}
        if self._state_file.exists():
            state = json.loads(self._state_file.read_text())
        self._state = state
        self._saving = threading.Lock()  # both parts save while they start
        self.kafka = Kafka(self.folder / "kafka", state["kafka"])
        self.postgres = Postgres(self.folder / "postgres", state["postgres"])

    def start(self, kafka=True, postgres=True, brokers=1, guard=None):
        """Start what is asked for, both at the same time, and wait until it answers. `brokers` and
        `guard` (see deploy.local.kafka) are of the first start."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with concurrent.futures.ThreadPoolExecutor() as pool:
                jobs = [pool.submit(self._start_kafka, brokers, guard)] if kafka else []
                jobs += [pool.submit(self._start_postgres)] if postgres else []
            self._save()
            for job in jobs:
                job.result()
        except BaseException:
            if kafka:
                self.stop_kafka()
            if postgres:
                self.stop_postgres()
            raise
        return self

    def stop(self):
        """End everything and remove the data."""
        self.kafka.end()
        self.postgres.end()
        self.postgres.remove()
        for part in (self.folder / "kafka", self.folder / "kcat.conf", self._state_file):
            if part.is_dir():
                shutil.rmtree(part, ignore_errors=True)
            else:
                part.unlink(missing_ok=True)
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()
        self.__init__(self.folder)

    @property
    def kafka_bootstrap(self):
        return self.kafka.bootstrap

    @property
    def database_url(self):
        return self.postgres.url()

    @property
    def admin_dsn(self):
        return self.postgres.admin_dsn

    def create_database(self, name):
        return self.postgres.create_database(name)

    def start_kafka(self):
        self.start(kafka=True, postgres=False)

    def launch_kafka(self, node_id=None):
        self.kafka.launch(node_id)
        self._save()

    def stop_kafka(self, node_id=None):
        self.kafka.end(node_id=node_id)
        self._save()

    def kill_kafka(self, node_id=None):
        self.kafka.end(signal.SIGKILL, node_id)
        self._save()

    def start_postgres(self):
        self.start(kafka=False, postgres=True)

    def stop_postgres(self):
        self.postgres.end()
        self._save()

    def kill_postgres(self):
        self.postgres.kill()
        self._save()

    def environment(self):
        """The variables that make both services, kcat and psql find the servers."""
        found = {}
        if self._state["kafka"].get("nodes"):
            found["GATEWAY_KAFKA_BOOTSTRAP_SERVERS"] = self.kafka_bootstrap
            found["STORE_KAFKA_BOOTSTRAP_SERVERS"] = self.kafka_bootstrap
            found["KCAT_CONFIG"] = str(self.folder / "kcat.conf")
        if self._state["postgres"].get("port"):
            found["STORE_DATABASE_URL"] = self.database_url
            found.update(PGHOST="127.0.0.1", PGPORT=str(self._state["postgres"]["port"]),
                         PGUSER="telefact", PGDATABASE="telefact",
                         PGPASSWORD=self._state["postgres"]["password"])
        return found

    def _start_kafka(self, brokers, guard):
        self.kafka.prepare(brokers, guard)
        self.kafka.launch()
        self._save()  # from here on there is something to end, whatever interrupts us
        self.kafka.wait_ready()
        (self.folder / "kcat.conf").write_text(f"bootstrap.servers={self.kafka_bootstrap}\n")

    def _start_postgres(self):
        self.postgres.prepare()
        self.postgres.launch()
        self._save()
        self.postgres.wait_ready()

    def _save(self):
        """Written whole or not at all, and private: it holds the database's password."""
        with self._saving:
            self._write_state()

    def _write_state(self):
        if not self.folder.is_dir():
            return
        part = self._state_file.with_suffix(".part")
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            json.dump(self._state, out, indent=1)
        part.rename(self._state_file)
