"""Everything that telefact's processes tell on /metrics: one of each kind, run together for a moment.

`python -m tests.support.exposed` writes what they tell into docs/monitoring.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.canary import TOKEN
from tests.support.certificates import Authority
from tests.support.pair import Pair, PairPlan
from tests.support.processes import Service, free_port, http_get
from tests.support.telegram import FakeTelegram

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "monitoring.md"
_HEAD = re.compile(r"^# (HELP|TYPE) (\S+) (.*)$")
_SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
_PARTS = ("_bucket", "_sum", "_count")
TABLES = {  # heading of the page: whose families stand below it
    "The gateway": {"gateway"},
    "The store": {"store"},
    "Both": {"gateway", "store"},
    "A rebuild": {"rebuild"},
}


@dataclass(slots=True)
class Family:
    """A metric family as it is told."""

    name: str
    kind: str = ""
    help: str = ""
    labels: tuple[str, ...] = ()
    series: int = 0


def families(text: str) -> dict[str, Family]:
    """The families of Prometheus' text, by name; `le` is not a label of its own."""
    found: dict[str, Family] = {}
    for line in text.splitlines():
        if head := _HEAD.match(line):
            family = found.setdefault(head[2], Family(head[2]))
            if head[1] == "HELP":
                family.help = head[3]
            else:
                family.kind = head[3]
        elif sample := _SAMPLE.match(line):
            name = sample[1]
            if name not in found:
                name = next(name.removesuffix(part) for part in _PARTS if name.removesuffix(part) in found)
            labels = [label for label, _ in _LABEL.findall(sample[2] or "") if label != "le"]
            found[name].labels = tuple(labels)
            found[name].series += 1
        else:
            raise AssertionError(f"neither head nor sample: {line}")
    return found


class Processes:
    """A gateway that takes webhooks, one that polls a fake Telegram, a store with all roles and a rebuild."""

    def __init__(self, telegram: FakeTelegram, pair: Pair, polling: Service, rebuild: Service) -> None:
        self.telegram, self.pair, self.polling, self.rebuild = telegram, pair, polling, rebuild

    @property
    def kinds(self) -> list[tuple[str, Service]]:
        """Each process with the kind of which it is."""
        return [
            ("gateway", self.pair.gateways[0]),
            ("gateway", self.polling),
            ("store", self.pair.store),
            ("rebuild", self.rebuild),
        ]

    async def texts(self) -> dict[str, str]:
        """/metrics of each one by its name."""
        told = {}
        for _, service in self.kinds:
            status, body = await http_get(service.admin, "/metrics")
            assert status == 200, service.name
            told[service.name] = body.decode()
        return told

    async def families(self) -> dict[str, dict[str, Family]]:
        """By kind of process."""
        texts = await self.texts()
        found: dict[str, dict[str, Family]] = {}
        for kind, service in self.kinds:
            found.setdefault(kind, {}).update(families(texts[service.name]))
        return found


def _polling(pair: Pair, work_dir: Path) -> Service:
    admin = f"127.0.0.1:{free_port()}"
    settings = {name: value for name, value in pair.gateways[0].environment.items() if "_WEBHOOK_" not in name}
    settings |= {
        "GATEWAY_MODE": "polling",
        "GATEWAY_ROLES": "ingest",
        "GATEWAY_ADMIN_LISTEN": admin,
    }
    return Service("polling", pair.gateways[0].binary, settings, admin, work_dir)


def _rebuild(pair: Pair, work_dir: Path) -> Service:
    admin = f"127.0.0.1:{free_port()}"
    words = ("replay", "start", "--grace-hours", "1", "--admin-listen", admin)
    return Service("rebuild", pair.store.binary, pair.store.environment, admin, work_dir, words)


@contextlib.asynccontextmanager
async def exposed(plan: PairPlan) -> AsyncIterator[Processes]:
    """Run all of them; the certificate file that they are given is for its dates alone."""
    plan.work_dir.mkdir(parents=True, exist_ok=True)
    authority = Authority(plan.work_dir, "ca")
    async with FakeTelegram(token=TOKEN, seed=plan.seed) as telegram:
        settings = {
            "GATEWAY_API_BASE_URL": telegram.api_url,
            "GATEWAY_WEBHOOK_CHECK_S": "60",
            "GATEWAY_KAFKA_SSL_CA_LOCATION": str(authority.certificate),
            **plan.gateway_settings,
        }
        plan = PairPlan(
            plan.servers, plan.binaries, plan.work_dir, plan.name, gateways=1, gateway_settings=settings,
            store_settings={"STORE_KAFKA_SSL_CA_LOCATION": str(authority.certificate), **plan.store_settings},
        )
        async with Pair(plan) as pair, _polling(pair, plan.work_dir) as polling:
            rebuild = _rebuild(pair, plan.work_dir)
            async with rebuild:
                yield Processes(telegram, pair, polling, rebuild)
                if rebuild.is_running:
                    await rebuild.kill()


# ---- the page ----


def _rows(wanted: Iterable[Family]) -> list[str]:
    rows = ["| metric | is | meaning |", "|---|---|---|"]
    for family in sorted(wanted, key=lambda family: family.name):
        labels = f"{{{','.join(family.labels)}}}" if family.labels else ""
        rows.append(f"| `{family.name}{labels}` | {family.kind} | {family.help} |")
    return rows


def rendered(found: Mapping[str, Mapping[str, Family]], page: str) -> str:
    """The page with its tables made anew."""
    holders: dict[str, set[str]] = {}
    for kind, each in found.items():
        for name in each:
            holders.setdefault(name, set()).add(kind)
    for heading, kinds in TABLES.items():
        names = [
            name for name, held in holders.items()
            if held - {"rebuild"} == kinds or (kinds == {"rebuild"} and held == kinds)
        ]
        table = "\n".join(_rows(next(each[name] for each in found.values() if name in each) for name in names))
        page, count = re.subn(rf"(?m)(^### {heading}\n(?:(?!\||#).*\n)*)(?:\|.*\n)*", lambda m: f"{m[1]}{table}\n", page)
        assert count == 1, f"no heading {heading}"
    return page


def main() -> None:
    from tests.conftest import running_servers  # it registers with pytest only when asked to

    async def write(plan: PairPlan) -> None:
        async with exposed(plan) as processes:
            PAGE.write_text(rendered(await processes.families(), PAGE.read_text()))

    with running_servers("exposed") as servers, tempfile.TemporaryDirectory() as folder:
        asyncio.run(write(PairPlan(servers, ROOT / "build" / "dev" / "bin", Path(folder), "exposed")))


if __name__ == "__main__":
    sys.exit(main())
