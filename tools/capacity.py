#!/usr/bin/env python3
"""What a rate of updates needs: processes, partitions, log, PostgreSQL; and how far one PostgreSQL goes.

    tools/capacity.py [--updates 10000] [--chats 1000000] [--events 1.4] [--retention-days 7]

Plain arithmetic over the constants below. MEASURED ones stand in README.md (a test compares them); ASSUMED ones are
guesses on the safe side, to be replaced by what your own metrics say.
"""

from __future__ import annotations

import argparse
import math

# MEASURED: README.md, Figures; on 2 shared cores, Kafka and PostgreSQL on the same machine.
POSTS_PER_CPU_S = 67_000  # webhook: of a gateway
EVENTS_PER_CPU_S = 98_000  # drain: of a store and PostgreSQL together, with large batches
WAL_BYTES_PER_EVENT = 477  # drain
GATEWAY_PEAK_MIB = 15  # webhook
STORE_PEAK_MIB = 92  # drain

# SETTINGS: docs/settings.md, defaults.
RAW_RETENTION_DAYS = 7
RPC_POOL_MAX = 10
MAX_PARTITIONS = 256
DEFAULT_PARTITIONS = 12

# ASSUMED
EVENTS_PER_UPDATE = 1.4  # of the demo: 42,240 records for 30,000 updates; a bot that publishes more has more
RAW_SHARE = 1 / 3  # of updates; of the demo: 9,705 of 30,000 are kept raw
LOG_BYTES_PER_EVENT = 150  # an event of the drain has about 110 bytes before compression; and its headers
LOG_BYTES_PER_RAW = 1_000  # an update's JSON
DISK_BYTES_PER_EVENT = 300  # rows and indexes; less than the WAL, which also has pages whole
DISK_BYTES_PER_CHAT = 500  # users, profiles and their indexes
REPLICAS = 3
STORE_SHARE = 0.5  # of the drain's CPU time is the store's own, the rest PostgreSQL's
SMALL_BATCHES = 2.0  # live batches are small: so much more CPU an event than in a drain
LIVE_WAL = 2.0  # live, WAL is so much more: checkpoints are closer than in the bench, each page is whole after one
HEADROOM = 0.5  # so much of a core is used at the peak; the rest is for take-overs and rebuilds
EVENTS_PER_PARTITION = 2_000  # a second; what one partition is given
POSTGRES_CORES = 32  # of the largest machine for PostgreSQL that is thought of
POSTGRES_WAL_MB_S = 200  # of its disk, sustained
POSTGRES_DISK = 30e12  # bytes of its disk
MIN_PROCESSES = 2  # of each kind, for upgrades and failures
DAY_S = 86_400


def cores(rate: float, per_cpu_s: float) -> float:
    """Busy to HEADROOM."""
    return rate / per_cpu_s / HEADROOM


def postgres_cores(events: float) -> float:
    return cores(events * SMALL_BATCHES * (1 - STORE_SHARE), EVENTS_PER_CPU_S)


def most_events() -> tuple[float, str]:
    """How far one PostgreSQL goes, and what ends it."""
    by_cpu = POSTGRES_CORES / postgres_cores(1)
    by_wal = POSTGRES_WAL_MB_S * 1e6 / (WAL_BYTES_PER_EVENT * LIVE_WAL)
    return min((by_cpu, f"{POSTGRES_CORES} cores"), (by_wal, f"{POSTGRES_WAL_MB_S} MB/s of WAL"))


def size(amount: float) -> str:
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount /= 1000
    else:
        unit = "PB"
    return f"{amount:.3g} {unit}"


def answer(updates: float, chats: float, per_update: float, raw_days: float) -> list[tuple[str, str]]:
    """Lines of what it needs."""
    events = updates * per_update
    raw = updates * RAW_SHARE
    wal = events * WAL_BYTES_PER_EVENT * LIVE_WAL
    disk_a_day = events * DAY_S * DISK_BYTES_PER_EVENT
    days = (POSTGRES_DISK - chats * DISK_BYTES_PER_CHAT) / disk_a_day
    gateways = max(MIN_PROCESSES, math.ceil(cores(updates, POSTS_PER_CPU_S)))
    stores = max(MIN_PROCESSES, math.ceil(cores(events * SMALL_BATCHES * STORE_SHARE, EVENTS_PER_CPU_S)))
    partitions = max(DEFAULT_PARTITIONS, math.ceil(events / EVENTS_PER_PARTITION))
    most, by = most_events()
    databases = math.ceil(events / most)
    memory = gateways * GATEWAY_PEAK_MIB + (stores + MIN_PROCESSES) * STORE_PEAK_MIB
    return [
        ("events", f"{events:,.0f} a second, {events * DAY_S / 1e6:,.0f} M a day"),
        ("gateways", f"{gateways} ({cores(updates, POSTS_PER_CPU_S):.2f} cores)"),
        ("partitions", f"{partitions}" + (" (more than one topic may have)" if partitions > MAX_PARTITIONS else "")),
        ("events topic", f"{size(events * DAY_S * LOG_BYTES_PER_EVENT * REPLICAS)} a day on {REPLICAS} brokers, for ever"),
        ("raw topic", f"{size(raw * DAY_S * raw_days * LOG_BYTES_PER_RAW * REPLICAS)} in all, {raw_days:g} days kept"),
        ("stores, ingest", f"{stores} ({cores(events * SMALL_BATCHES * STORE_SHARE, EVENTS_PER_CPU_S):.2f} cores)"),
        ("stores, rpc", f"{MIN_PROCESSES}, and more for more reads"),
        ("memory of ours", f"{memory:,} MiB"),
        ("PostgreSQL", f"{postgres_cores(events):.2f} cores, {wal / 1e6:.2f} MB/s of WAL"),
        ("its disk", f"{size(disk_a_day)} a day, and {size(chats * DISK_BYTES_PER_CHAT)} of chats: "
         f"{size(POSTGRES_DISK)} are full after {days:,.0f} days at this rate"),
        ("its WAL", f"{size(wal * DAY_S)} a day to archive"),
        ("its connections", f"{stores} of writers, at most {MIN_PROCESSES * RPC_POOL_MAX} of readers"),
        ("one PostgreSQL", f"goes to {most:,.0f} events a second ({by}): "
         + ("enough, but for its disk" if databases == 1 else f"bots on {databases} databases, or fewer events")),
    ]


def report(updates: float, chats: float, per_update: float, raw_days: float) -> str:
    lines = [f"{updates:,.0f} updates a second, {chats:,.0f} chats"]
    lines += [f"  {name:<16} {text}" for name, text in answer(updates, chats, per_update, raw_days)]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--updates", type=float, default=10_000, help="a second, at the peak")
    parser.add_argument("--chats", type=float, default=1_000_000)
    parser.add_argument("--events", type=float, default=EVENTS_PER_UPDATE, help="for each update")
    parser.add_argument("--retention-days", type=float, default=RAW_RETENTION_DAYS, help="of raw updates")
    given = parser.parse_args()
    print(report(given.updates, given.chats, given.events, given.retention_days), end="")


if __name__ == "__main__":
    main()
