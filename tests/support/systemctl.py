"""A systemctl and a journalctl for tests: reads units as systemd does, as far as ours go, and runs their programs.

    SYSTEMD_HOME=FOLDER python systemctl.py start|stop|restart|enable --now|daemon-reload UNIT...
    SYSTEMD_HOME=FOLDER python systemctl.py journal -u UNIT -n LINES

FOLDER has `units` (a link to where the page installs them), `log` and what this program keeps. What systemd would only
enforce (users, file systems, system calls) is not done here; `./dev certify units` has systemd itself read the units.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

HOME = Path(os.environ["SYSTEMD_HOME"])
INHERITED = ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS", "LLVM_PROFILE_FILE")
STOP_S = 60


class Unit:
    """A service by its name, `name` or `name@instance`."""

    def __init__(self, name: str) -> None:
        self.name = name.removesuffix(".service")
        plain, at, self.instance = self.name.partition("@")
        self.file = f"{plain}{at}.service"
        self.pid_file = HOME / f"{self.name}.pid"
        self.credentials = HOME / f"{self.name}.credentials"

    def _lines(self) -> list[tuple[str, str]]:
        """(key, value) of the unit and its drop-ins, specifiers replaced."""
        units = HOME / "units"
        found = []
        for path in [units / self.file, *sorted((units / f"{self.file}.d").glob("*.conf"))]:
            for line in path.read_text().splitlines():
                key, is_assignment, value = line.partition("=")
                if is_assignment and not line.startswith("#"):
                    found.append((key, value.replace("%i", self.instance).replace("%d", str(self.credentials))))
        return found

    def _all(self, key: str) -> list[str]:
        return [value for name, value in self._lines() if name == key]

    def _environment(self) -> dict[str, str]:
        assignments = self._all("Environment")
        for path in self._all("EnvironmentFile"):
            assignments += [line for line in Path(path).read_text().splitlines() if line and not line.startswith("#")]
        own = dict(line.split("=", 1) for line in assignments)
        return {name: os.environ[name] for name in INHERITED if name in os.environ} | own

    def start(self) -> None:
        shutil.rmtree(self.credentials, ignore_errors=True)
        self.credentials.mkdir(mode=0o700)
        for each in self._all("LoadCredential"):
            name, path = each.split(":", 1)
            shutil.copyfile(path, self.credentials / name)
        (command,) = self._all("ExecStart")
        with (HOME / "log" / f"{self.name}.log").open("ab") as log:
            process = subprocess.Popen(command.split(), env=self._environment(), stdin=subprocess.DEVNULL, stdout=log,
                                       stderr=log, start_new_session=True)
        self.pid_file.write_text(str(process.pid))

    def stop(self) -> None:
        """TERM, and wait for the end; KILL when it does not come."""
        if not self.pid_file.exists():
            return
        pid = int(self.pid_file.read_text())
        self.pid_file.unlink()
        try:
            end = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        signal.pidfd_send_signal(end, signal.SIGTERM)
        if not select.select([end], [], [], STOP_S)[0]:
            signal.pidfd_send_signal(end, signal.SIGKILL)
            sys.exit(f"{self.name}: did not end within {STOP_S} s of TERM")
        os.close(end)

    def restart(self) -> None:
        self.stop()
        self.start()


def stop_all() -> None:
    for path in HOME.glob("*.pid"):
        Unit(path.stem).stop()


def main(command: str, *words: str) -> None:
    if command == "journal":
        _, unit, _, count = words
        log = HOME / "log" / f"{Unit(unit).name}.log"
        print("\n".join(log.read_text().splitlines()[-int(count):]))
    elif command == "stop-all":
        stop_all()
    elif command != "daemon-reload":
        for name in words:
            if name != "--now":
                getattr(Unit(name), "start" if command == "enable" else command)()


if __name__ == "__main__":
    main(*sys.argv[1:])
