"""Leaves the demonstration running after the program's end, and ends it again."""

from __future__ import annotations

import asyncio
import contextlib
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


async def leave_running(folder: Path, pair: Pair) -> None:
    """Start the services once more as daemons and say how to look around."""
    kept = []
    for service in pair.services:
        await service.stop()
        with _environment(service.environment):
            binary = pair.plan.binaries / ("telefact-store" if service is pair.store else "telefact-gateway")
            kept.append(process.spawn([str(binary), "run"], service.log_path, pair.plan.work_dir))
    (folder / _STATE).write_text(json.dumps(kept))
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
    """End what an earlier demonstration left running; nothing is fine."""
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
  metrics    {gateways}  {_admin(pair.store)}
  logs       {pair.plan.work_dir}
  stop       .cache/venv/bin/python -m tests.demo --stop""")


def _admin(service: Service) -> str:
    return f"http://{service.admin}/metrics"
