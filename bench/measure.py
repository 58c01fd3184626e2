"""What every bench shares: servers with one published configuration, CPU time, and the verdict.

CPU time is user + system time from /proc, of the contender's process and of PostgreSQL with all its
sessions, also those that ended meanwhile. It is the steadier figure on a small shared machine;
the wall clock is reported beside it.
"""

from __future__ import annotations

import dataclasses
import os
import statistics
import sys
import time
from pathlib import Path

import psycopg

from deploy.local.servers import Servers

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / ".cache" / "bench"
RELEASE = ROOT / "build" / "release"
_TICKS = os.sysconf("SC_CLK_TCK")

POSTGRES_SETTINGS = {
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "autovacuum": "off",
}


def start_servers(kafka: bool = True, postgres: bool = True, settings: dict[str, str] | None = None) -> Servers:
    """A fresh broker and a PostgreSQL with POSTGRES_SETTINGS and `settings` below .cache/bench."""
    servers = Servers(WORK / "servers")
    servers.stop()
    servers.start(kafka=kafka, postgres=postgres)
    if postgres:
        with psycopg.connect(servers.admin_dsn, autocommit=True) as admin:
            for name, value in (POSTGRES_SETTINGS | (settings or {})).items():
                admin.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        servers.stop_postgres()
        servers.start_postgres()
    return servers


def _stat(pid: int) -> list[str]:
    text = Path(f"/proc/{pid}/stat").read_text()
    return text.rpartition(")")[2].split()


def cpu_of(pid: int, ended_children: bool = False) -> float:
    """CPU seconds a process has used so far; with the children it has waited for when asked."""
    fields = _stat(pid)
    ticks = int(fields[11]) + int(fields[12])
    if ended_children:
        ticks += int(fields[13]) + int(fields[14])
    return ticks / _TICKS


def cpu_of_postgres(admin_dsn: str) -> float:
    """CPU seconds of the server with all its sessions, the ended ones included.

    A session that ends while this reads is neither among the living nor yet in the server's account of the ended, so
    it reads until two readings have seen the same sessions.
    """
    with psycopg.connect(admin_dsn, autocommit=True) as admin:
        row = admin.execute("SELECT pg_backend_pid()").fetchone()
        postmaster = int(_stat(row[0])[1])
        before = None
        while True:
            ended = cpu_of(postmaster, ended_children=True)
            living = _children_cpu(postmaster, leave_out=row[0])
            now = (ended - cpu_of(postmaster), set(living))
            if now == before:
                return ended + sum(living.values())
            before = now
            time.sleep(0.1)


def _children_cpu(parent: int, leave_out: int) -> dict[int, float]:
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != leave_out:
            try:
                if int(_stat(int(entry.name))[1]) == parent:
                    found[int(entry.name)] = cpu_of(int(entry.name))
            except (OSError, IndexError):
                continue
    return found


def peak_rss_mib(pid: int) -> float:
    """VmHWM of a running process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


@dataclasses.dataclass
class Expectation:
    """One sentence that must hold; the bench exits non-zero when one does not."""

    text: str
    figure: float
    at_least: float | None = None
    at_most: float | None = None

    @property
    def holds(self) -> bool:
        low = self.at_least is None or self.figure >= self.at_least
        high = self.at_most is None or self.figure <= self.at_most
        return low and high

    def __str__(self) -> str:
        bound = f">= {self.at_least:g}" if self.at_least is not None else f"<= {self.at_most:g}"
        return f"{'ok  ' if self.holds else 'MISS'}  {self.text}: {self.figure:.2f} (expected {bound})"


def verdict(expectations: list[Expectation]) -> int:
    """Print every expectation; the exit status of the bench."""
    print()
    for expectation in expectations:
        print(expectation)
    return 0 if all(expectation.holds for expectation in expectations) else 1


def spread(values: list[float]) -> str:
    """median (min–max), with thousands grouped for large figures."""
    shape = "{:,.0f}" if max(values) >= 1000 else "{:.2f}" if max(values) < 10 else "{:.1f}"
    low, mid, high = (shape.format(v) for v in (min(values), statistics.median(values), max(values)))
    return f"{mid} ({low}–{high})"


def table(header: list[str], rows: list[list[str]]) -> None:
    """A plain aligned table on stdout."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, ["-" * width for width in widths], *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def progress(text: str) -> None:
    """One line on stderr about what goes on."""
    print(text, file=sys.stderr, flush=True)
