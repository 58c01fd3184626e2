"""How much does one webhook request cost, beside aiohttp + confluent-kafka?

    ./dev bench webhook [--seconds 10] [--runs 3] [--only gateway|python]

wrk POSTs real-shaped updates of about 900 bytes, each of another chat, on 100 keep-alive connections; the server checks
the secret, makes the event, and answers 200 after Kafka acknowledged it with acks=all. The servers run one at a time,
in shuffled order, against the same broker. The records in the topic must be exactly the 200s.

Figures: requests per CPU-second of the server (judged), requests per second, p50 and p99, peak RSS.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

from confluent_kafka import Consumer, TopicPartition

from bench.drain_topic import BOT_ID, PARTITIONS, create_topic
from bench.measure import RELEASE, ROOT, Expectation, cpu_of, peak_rss_mib, progress, spread, start_servers, table
from bench.measure import verdict
from tests.support.processes import free_port

SECRET = "bench-secret-0123456789-abcdefghij"
CONNECTIONS = 100
CONTENDERS = ("gateway", "python")


@dataclass
class Figure:
    requests: int
    wall_s: float
    cpu_s: float
    p50_ms: float
    p99_ms: float
    rss_mib: float


class Bench:
    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        self.runs = 0
        self.servers = start_servers(postgres=False)

    def close(self) -> None:
        self.servers.stop()

    def run(self, contender: str) -> Figure:
        self.runs += 1
        prefix = f"bench{self.runs}"
        port = free_port()
        arguments, environment = self.command(contender, prefix, port)
        process = subprocess.Popen(arguments, env=environment, cwd=ROOT)
        try:
            wait_until_open(port, process)
            self.load(port, 1, 0)  # warm-up: connections, code paths, the producer's session
            before = self.count(prefix)
            cpu = cpu_of(process.pid)
            requests, wall_s, p50_ms, p99_ms = self.load(port, self.seconds, 400_000_000)
            cpu = cpu_of(process.pid) - cpu
            rss = peak_rss_mib(process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        self.check(contender, prefix, before, requests)
        return Figure(requests, wall_s, cpu, p50_ms, p99_ms, rss)

    def command(self, contender: str, prefix: str, port: int) -> tuple[list[str], dict[str, str]]:
        environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
        bootstrap = self.servers.kafka_bootstrap
        if contender == "python":
            create_topic(bootstrap, f"{prefix}.events.v1")
            return [sys.executable, "-m", "bench.peers.aiohttp_webhook", str(port), bootstrap, f"{prefix}.events.v1",
                    SECRET], environment
        environment |= {
            "GATEWAY_BOT_ID": str(BOT_ID), "GATEWAY_ROLES": "ingest", "GATEWAY_WEBHOOK_LISTEN": f"127.0.0.1:{port}",
            "GATEWAY_WEBHOOK_SECRET": SECRET, "GATEWAY_KAFKA_BOOTSTRAP_SERVERS": bootstrap,
            "GATEWAY_TOPIC_PREFIX": prefix, "GATEWAY_TOPIC_PARTITIONS": str(PARTITIONS),
            "GATEWAY_TOPIC_REPLICATION_FACTOR": "1", "GATEWAY_ADMIN_LISTEN": "127.0.0.1:0", "GATEWAY_LOG_LEVEL": "error",
        }
        program = str(RELEASE / "bin" / "telefact-gateway")
        subprocess.run([program, "topics", "create"], env=environment, check=True)
        return [program, "run"], environment

    def load(self, port: int, seconds: int, first: int) -> tuple[int, float, float, float]:
        """One wrk run; every answer must be a 2xx."""
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "20s", "-s",
                   str(ROOT / "bench" / "webhook_post.lua"), f"http://127.0.0.1:{port}/telegram", "--", SECRET,
                   str(500_000_000 + first)]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        line = next(line for line in out.splitlines() if line.startswith("RESULT "))
        requests, duration_us, p50_us, p99_us, errors = (float(word) for word in line.split()[1:])
        if errors:
            raise RuntimeError(f"{errors:.0f} requests failed\n{out}")
        return int(requests), duration_us / 1e6, p50_us / 1e3, p99_us / 1e3

    def count(self, prefix: str) -> int:
        """Records in the events topic: no transactions and no compaction, so the offsets count them."""
        consumer = Consumer({"bootstrap.servers": self.servers.kafka_bootstrap, "group.id": "bench-count"})
        total = 0
        for partition in range(PARTITIONS):
            low, high = consumer.get_watermark_offsets(TopicPartition(f"{prefix}.events.v1", partition), timeout=10)
            total += high - low
        consumer.close()
        return total

    def check(self, contender: str, prefix: str, before: int, requests: int) -> None:
        """wrk abandons up to one request a connection at its end: those may be durable without an answer."""
        records = self.count(prefix) - before
        if not requests <= records <= requests + CONNECTIONS:
            raise RuntimeError(f"{contender}: {requests} answers 200, but {records} records")


def wait_until_open(port: int, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the server does not listen")


def report(figures: dict[str, list[Figure]]) -> int:
    def each(contender: str, of) -> list[float]:
        return [of(figure) for figure in figures[contender]]

    rows = [[contender, spread(each(contender, lambda f: f.requests / f.cpu_s)),
             spread(each(contender, lambda f: f.requests / f.wall_s)), spread(each(contender, lambda f: f.p50_ms)),
             spread(each(contender, lambda f: f.p99_ms)), spread(each(contender, lambda f: f.rss_mib))]
            for contender in figures]
    table(["server", "requests per CPU-second", "requests per second", "p50 ms", "p99 ms", "peak RSS MiB"], rows)
    if set(figures) != set(CONTENDERS):
        return 0
    rate = {c: statistics.median(each(c, lambda f: f.requests / f.cpu_s)) for c in figures}
    p50 = {c: statistics.median(each(c, lambda f: f.p50_ms)) for c in figures}
    return verdict([
        Expectation("gateway / aiohttp, requests per CPU-second", rate["gateway"] / rate["python"], at_least=3),
        Expectation("gateway / aiohttp, p50", p50["gateway"] / p50["python"], at_most=1),
        Expectation("gateway's peak RSS in MiB", max(f.rss_mib for f in figures["gateway"]), at_most=96),
    ])


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench webhook", description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", choices=CONTENDERS)
    options = parser.parse_args()
    bench = Bench(options.seconds)
    figures: dict[str, list[Figure]] = {}
    try:
        order = list(CONTENDERS if options.only is None else [options.only]) * options.runs
        random.Random(1).shuffle(order)
        for contender in order:
            figure = bench.run(contender)
            figures.setdefault(contender, []).append(figure)
            progress(f"{contender}: {figure.requests / figure.cpu_s:,.0f} requests per CPU-second, "
                     f"{figure.requests / figure.wall_s:,.0f} per second, p50 {figure.p50_ms:.2f} ms")
    finally:
        bench.close()
    return report(figures)


if __name__ == "__main__":
    sys.exit(main())
