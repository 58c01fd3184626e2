"""Leaves the demonstration running after the program's end, and ends it again; remembers what runs meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from deploy.local import process
from deploy.local.servers import Servers
from tests.support.pair import Pair
from tests.support.processes import NotReady, Service

_STATE = "kept.json"
_READY_S = 60.0


class Busy(Exception):
    """Another demonstration runs; the message is for its user."""


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else uses the folder meanwhile; raises Busy. The lock ends with this process, however it ends."""
    lock = folder.with_suffix(".lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise Busy(f"a demo runs already (process {holder}); wait for its end or interrupt it") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def remember(folder: Path, pid: int) -> None:
    """A service was started: `stop` ends it if this program cannot."""
    _add(folder, process.remember(pid))


def _add(folder: Path, started: dict[str, Any]) -> None:
    state = folder / _STATE
    known = json.loads(state.read_text()) if state.exists() else []
    renewed = state.with_suffix(".new")
    renewed.write_text(json.dumps([each for each in known if process.is_running(each)] + [started]))
    renewed.replace(state)


async def leave_running(folder: Path, pair: Pair) -> None:
    """Start the services once more as daemons and say how to look around."""
    kept = []
    for service in pair.services:
        await service.stop()
        with _environment(service.environment):
            binary = pair.plan.binaries / ("telefact-store" if service is pair.store else "telefact-gateway")
            kept.append(process.spawn([str(binary), "run"], service.log_path, pair.plan.work_dir))
            _add(folder, kept[-1])
    for service, daemon in zip(pair.services, kept, strict=True):
        await _wait_ready(service, daemon)
    _explain(pair)


async def _wait_ready(service: Service, daemon: dict[str, Any]) -> None:
    deadline = time.monotonic() + _READY_S
    while not await service.is_ready():
        if time.monotonic() > deadline or not process.is_running(daemon):
            raise NotReady(f"{service.name} did not become ready again\n{service.log_end()}")
        await asyncio.sleep(0.05)


@contextlib.contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    with mock.patch.dict(os.environ, settings):
        yield


def stop(folder: Path) -> None:
    """End what an earlier demonstration left running, wanted or not; nothing is fine."""
    state = folder / _STATE
    if state.exists():
        for each in json.loads(state.read_text()):
            process.end(each)
        state.unlink()
    if (folder / "servers").exists():
        Servers(folder / "servers").stop()


def _explain(pair: Pair) -> None:
    gateways = "  ".join(_admin(service) for service in pair.gateways)
    print(f"""
Still running
  rows       psql '{pair.database_url}' -c 'SELECT * FROM tt.users LIMIT 5'
             tables in schema g1, views in tt and core, dead letters in telefact.dead_letters
  log        kcat -b {pair.bootstrap} -C -t {pair.events_topic} -o beginning -c 3 -f '%p:%o %k %h\\n'
  answers    grpcurl -plaintext -import-path proto -proto telefact/store/v1/read_service.proto \\
               -d '{{}}' {pair.store_rpc} telefact.store.v1.ReadService/GetBotStats
  publish    grpcurl -plaintext -import-path proto -proto telefact/gateway/v1/publish_service.proto \\
               -d '{{"events":[{{"idempotency_key":"k1","event":{{"ad_counted":{{"user_id":5}}}}}}]}}' \\
               {pair.publish_targets[0]} telefact.gateway.v1.PublishService/Publish
  webhooks   {"  ".join(pair.webhooks)}
  page       http://{pair.store.admin}/
  metrics    {gateways}  {_admin(pair.store)}
  logs       {pair.plan.work_dir}
  stop       .cache/venv/bin/python -m tests.demo --stop""")


def _admin(service: Service) -> str:
    return f"http://{service.admin}/metrics"
