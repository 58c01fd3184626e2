"""docs/rpc-examples.md is what both services really answer, and has every RPC.

TELEFACT_WRITE_EXAMPLES=1 writes the answers into the page instead of comparing them.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
from pathlib import Path

from deploy.local.servers import Servers
from tests.support.pair import Pair, PairPlan
from tests.support.protos import read_pb2

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "rpc-examples.md"
_EXAMPLE = re.compile(r"```sh\n((?:(?!```).)*)\n```\n```json\n((?:(?!```).)*)```\n", re.S)
_FUNCTIONS = re.compile(r"```sh\n(publish\(\) (?:(?!```).)*)\n```\n", re.S)


def _objects(text: str) -> list[object]:
    """The JSON texts one after the other, as grpcurl prints a stream."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while (text := text[at:].strip()) != "":
        value, at = decoder.raw_decode(text)
        found.append(value)
    return found


def _run(functions: str, command: str) -> str:
    environment = {**os.environ, "PATH": f"{ROOT / '.cache' / 'tools' / 'bin'}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", f"{functions}\n{command}"], cwd=ROOT, env=environment, capture_output=True, text=True,
                          check=False, timeout=60)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def _answers(pair: Pair, page: str) -> list[tuple[str, str, str]]:
    """(command, answer in the page, real answer) of each example, in order."""
    functions = _FUNCTIONS.search(page)
    assert functions is not None
    here = functions[1].replace("127.0.0.1:9090", pair.publish_targets[0]).replace("127.0.0.1:9091", pair.store_rpc)
    return [(m[1], m[2], _run(here, m[1])) for m in _EXAMPLE.finditer(page)]


def test_every_example_answers_what_the_page_says(servers: Servers, binaries: Path, work_dir: Path, name: str) -> None:
    page = PAGE.read_text()

    async def whole() -> list[tuple[str, str, str]]:
        async with Pair(PairPlan(servers, binaries, work_dir, name, gateways=1, partitions=12)) as pair:
            return await asyncio.to_thread(_answers, pair, page)

    answers = asyncio.run(whole())
    if os.environ.get("TELEFACT_WRITE_EXAMPLES"):
        for command, old, new in answers:
            page = page.replace(f"{command}\n```\n```json\n{old}```", f"{command}\n```\n```json\n{new}```")
        PAGE.write_text(page)
        return
    for command, told, real in answers:
        assert _objects(real) == _objects(told), command


def test_the_page_has_every_rpc() -> None:
    methods = {method.name for method in read_pb2.DESCRIPTOR.services_by_name["ReadService"].methods}
    assert set(re.findall(r"^ask (\w+) ", PAGE.read_text(), re.M)) == methods
