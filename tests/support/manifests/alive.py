"""Deployments' programs as real processes on loopback, without servers: what their admin listeners answer."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.support.manifests.objects import Manifest, Workload
from tests.support.manifests.programs import Files, SecretText, without_servers
from tests.support.processes import Service, free_port, http_get

_ANSWER_S = 60.0
_END_S = 60.0


def on_loopback(environment: dict[str, str]) -> dict[str, str]:
    """Listeners on free ports."""
    ports = {name: f"127.0.0.1:{free_port()}" for name in environment if name.endswith("_LISTEN")}
    return {**environment, **ports}


def faults(
    manifest: Manifest, deployments: Iterable[str], binaries: Path, folder: Path, text_of: SecretText
) -> Iterator[str]:
    """Start each Deployment's program, ask what its probes ask, end it as the kubelet does."""
    for workload in map(manifest.workload, deployments):
        files = Files(folder / workload.name, text_of)
        yield from files.mount(workload)
        environment = on_loopback(without_servers(files.moved(workload, manifest.environment(workload))))
        yield from asyncio.run(_asked(workload, binaries, folder, environment))


async def _asked(workload: Workload, binaries: Path, folder: Path, environment: dict[str, str]) -> list[str]:
    setting = "GATEWAY_ADMIN_LISTEN" if workload.program == "telefact-gateway" else "STORE_ADMIN_LISTEN"
    service = Service(workload.name, binaries / workload.program, environment, environment[setting], folder)
    await service.spawn()
    try:
        return [*await _probe_faults(workload, service), *await _end_faults(workload, service)]
    finally:
        if service.is_running:
            await service.kill()


async def _probe_faults(workload: Workload, service: Service) -> list[str]:
    found = []
    for kind, asked in workload.probes().items():
        status = await _answer(service, asked["path"])
        # Without servers it lives and is not ready; a path that it does not know is 404.
        allowed = (200,) if kind == "livenessProbe" else (200, 503)
        if status not in allowed:
            found.append(f"{workload.name}: {kind} {asked['path']} is answered {status}\n{service.log_end()}")
    return found


async def _answer(service: Service, path: str) -> int:
    """Its status, when it listens; 0 when it ends before."""
    async with asyncio.timeout(_ANSWER_S):
        while service.is_running:
            try:
                status, _ = await http_get(service.admin, path)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                return status
    return 0


async def _end_faults(workload: Workload, service: Service) -> list[str]:
    if not service.is_running:
        return []
    service.signal(signal.SIGTERM)
    status = await service.wait(_END_S)
    told = [json.loads(line) for line in service.log_path.read_text().splitlines() if line.startswith("{")]
    drains = [line["at_most_ms"] for line in told if line["msg"] == "draining"]
    found = [] if status == 0 else [f"{workload.name}: ends with {status} after SIGTERM\n{service.log_end()}"]
    if len(drains) != 1:
        return [*found, f"{workload.name}: does not say how long it drains\n{service.log_end()}"]
    if workload.grace_s * 1000 <= workload.pre_stop_s * 1000 + drains[0]:
        found.append(f"{workload.name}: is killed after {workload.grace_s} s, and may drain for {drains[0]} ms "
                     f"after a preStop of {workload.pre_stop_s} s")
    return found
