"""What Prometheus' own tools say of the metrics of running services, of the alerts and of the dashboard."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from deploy.local.servers import Servers
from tests.certify import alerts
from tests.support.exposed import Family, Processes, exposed, families
from tests.support.manifests import render
from tests.support.pair import PairPlan
from tests.support.traffic import Traffic, TrafficPlan
from tests.support.updates import generate

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "k8s" / "components" / "monitoring"
RULES = FOLDER / "telefact.rules.yaml"
DASHBOARD = FOLDER / "dashboard.json"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
# As Prometheus 3 asks.
ACCEPT = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_OWN = {"up": {"job", "instance"}}  # made by Prometheus itself
TARGET_LABELS = {"job", "instance", "le"}


@dataclass(frozen=True, slots=True)
class Told:
    """What the processes told: by process the text before and after load, and OpenMetrics."""

    before: dict[str, str]
    after: dict[str, str]
    openmetrics: dict[str, str]
    types: set[tuple[str, str]]
    kinds: dict[str, Family]


@pytest.fixture(scope="module")
def binaries() -> Path:
    """What is deployed: ./dev certify has built it."""
    return Path(os.environ.get("TELEFACT_BUILD") or ROOT / "build" / "release" / "bin")


@pytest.fixture(scope="module")
def told(servers: Servers, binaries: Path, tmp_path_factory: pytest.TempPathFactory) -> Told:
    async def body() -> Told:
        plan = PairPlan(servers, binaries, tmp_path_factory.mktemp("monitoring"), "monitoring")
        async with exposed(plan) as processes:
            before = await processes.texts()
            await _load(processes)
            openmetrics, types = {}, set()
            async with aiohttp.ClientSession() as session:
                for _, service in processes.kinds:
                    for accept in (ACCEPT, "*/*"):
                        url = f"http://{service.admin}/metrics"
                        async with session.get(url, headers={"Accept": accept}) as answer:
                            types.add((accept, answer.headers["Content-Type"]))
                            text = await answer.text()
                        if accept == ACCEPT:
                            openmetrics[service.name] = text
            after = await processes.texts()
            kinds: dict[str, Family] = {}
            for each in (await processes.families()).values():
                kinds.update(each)
            return Told(before, after, openmetrics, types, kinds)

    return asyncio.run(body())


async def _load(processes: Processes) -> None:
    """Many users and chats, published events, wrong paths, wrong secrets, unknown methods, no gRPC at all."""
    pair = processes.pair
    async with Traffic(pair, TrafficPlan(seed=5, count=1_500, chats=500)) as traffic:
        verdict = await traffic.settle_and_judge()
    assert verdict.is_green, verdict.report()
    for body in generate(6, 50, processes.telegram.bot_id, int(time.time())):
        processes.telegram.enqueue(body)

    async def has_polled() -> bool:
        return (await processes.polling.metrics())["poll_duration_seconds_count"] > 0

    async with asyncio.timeout(60):
        while not await has_polled():
            await asyncio.sleep(0.05)
    hook = pair.webhooks[0].rsplit("/", 1)[0]
    async with aiohttp.ClientSession() as session:
        for number in range(50):
            for url in (f"{hook}/path{number}", pair.webhooks[0], f"http://{pair.store.admin}/path{number}"):
                async with session.post(url, data=b"{}", headers={"X-Odd": str(number)}) as answer:
                    assert answer.status >= 400
    for target in (pair.publish_targets[0], pair.store_rpc):
        async with grpc.aio.insecure_channel(target) as channel:
            for number in range(20):
                with contextlib.suppress(grpc.aio.AioRpcError):
                    await channel.unary_unary(f"/odd.Service{number}/Method{number}")(b"")


def promtool(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    found = sorted(Path(os.environ["CERTIFY_CACHE"]).glob("promtool-*/promtool"))
    assert found, "tools/certify/monitoring.sh brings promtool"
    return subprocess.run([found[-1], *arguments], input=stdin, capture_output=True, text=True, timeout=120, check=False)


def test_promtool_finds_nothing_wrong_with_the_metrics(told: Told) -> None:
    for process, text in told.after.items():
        checked = promtool("check", "metrics", stdin=text)
        assert (checked.returncode, checked.stdout + checked.stderr) == (0, ""), process


def test_a_strict_parser_of_openmetrics_takes_all_of_it(told: Told) -> None:
    for process, text in told.openmetrics.items():
        found = {family.name: family for family in read_openmetrics(text)}
        assert found["process_cpu_seconds"].type == "counter", process
        assert found["telefact_build"].type == "info"
        assert text.endswith("\n# EOF\n")
        samples = {sample.name for family in found.values() for sample in family.samples}
        assert samples == {sample.name for family in read_text(told.after[process]) for sample in family.samples}


def test_who_asks_decides_the_form(told: Told) -> None:
    assert told.types == {(ACCEPT, OPENMETRICS), ("*/*", TEXT)}


def test_no_traffic_makes_a_series(told: Told) -> None:
    for process in told.before:
        first, last = ({line.rpartition(" ")[0] for line in text.splitlines()} for text in (told.before[process], told.after[process]))
        assert first == last, process
        assert sum(family.series for family in families(told.after[process]).values()) < 2_500, process


def test_the_load_was_counted(told: Told) -> None:
    """Else the test above would prove nothing."""
    samples: dict[str, float] = {}
    for text in told.after.values():
        for family in read_text(text):
            for sample in family.samples:
                samples[sample.name] = samples.get(sample.name, 0) + sample.value
    for name in (
        "updates_received_total", "events_applied_total", "consumer_records_total", "apply_batch_size_sum",
        "kafka_delivery_seconds_count", "kafka_requests_total", "pg_pool_questions_total", "pg_writer_connects_total",
        "publish_events_total", "receipt_to_commit_seconds_count", "poll_duration_seconds_count",
    ):
        assert samples[name] > 0, name
    refused = [line for line in told.after["gateway0"].splitlines() if 'where="webhook",code="unknown_path"' in line]
    assert refused and float(refused[0].split()[-1]) >= 50


# ---- expressions ----


def rule_expressions() -> dict[str, str]:
    found = re.findall(r"^      - alert: (\w+)\n        expr: (.*)$", RULES.read_text(), re.M)
    assert len(found) == RULES.read_text().count("- alert:")
    return dict(found)


def dashboard_expressions() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", [])]


WORDS = {"and", "or", "unless", "by", "on", "without", "ignoring", "bool", "offset"}


def uses(expression: str) -> Iterator[tuple[str, set[str]]]:
    """The metrics of an expression, each with the labels it is selected and grouped by."""
    plain = re.sub(r"\[[^\]]*\]", "", expression)
    groups = {label.strip() for each in re.findall(r"\bby\s*\(([^)]*)\)", plain) for label in each.split(",")}
    plain = re.sub(r"\bby\s*\([^)]*\)", "", plain)
    for match in re.finditer(r"(?<![\w.\"])([a-zA-Z_:][\w:]*)\s*(\{[^}]*\})?(\s*\()?", plain):
        name, selector, is_call = match.groups()
        if name in WORDS or is_call or name.replace("e", "").isdigit():
            continue
        yield name, set(re.findall(r'(\w+)\s*[=!]~?\s*"', selector or "")) | groups


def missing(expression: str, known: Mapping[str, set[str]]) -> list[str]:
    found = list(uses(expression))
    assert found, expression
    return [
        f"{name}: {labels - known.get(name, set()) - TARGET_LABELS or 'no such metric'}"
        for name, labels in found
        if name not in known or labels - known[name] - TARGET_LABELS
    ]


def known_metrics(kinds: Mapping[str, Family]) -> dict[str, set[str]]:
    known = dict(PROMETHEUS_OWN)
    for family in kinds.values():
        parts = ("_bucket", "_sum", "_count") if family.kind == "histogram" else ("",)
        known |= {family.name + part: set(family.labels) for part in parts}
    return known


def test_the_check_of_expressions_can_fail() -> None:
    known = {"a_total": {"code"}, "b_bucket": {"le"}}
    assert missing('sum by (code) (rate(a_total{code=~"5.."}[5m])) > 0.1', known) == []
    assert missing("histogram_quantile(0.99, sum by (le) (rate(b_bucket[5m]))) > 1", known) == []
    assert missing('sum(rate(a_total{kind="x"}[5m]))', known)
    assert missing("sum by (kind) (a_total)", known)
    assert missing("max(c) == 0 and sum(a_total) > 1", known)


def test_every_metric_and_label_of_the_alerts_exists(told: Told) -> None:
    known = known_metrics(told.kinds)
    assert {name: found for name, each in rule_expressions().items() if (found := missing(each, known))} == {}


def test_every_metric_and_label_of_the_dashboard_exists(told: Told) -> None:
    known = known_metrics(told.kinds)
    expressions = dashboard_expressions()
    assert len(expressions) > 50
    assert {each: found for each in expressions if (found := missing(each, known))} == {}


def test_the_dashboard_shows_each_panel_once_and_names_its_source() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({panel["title"] for panel in panels}) == len(panels)
    assert [each["name"] for each in dashboard["templating"]["list"]] == ["datasource"]
    assert all(panel["datasource"]["uid"] == "${datasource}" for panel in panels if panel["type"] != "row")


def test_promtool_reads_the_rules_and_the_dashboards_expressions(tmp_path: Path) -> None:
    checked = promtool("check", "rules", str(RULES))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    recorded = [
        {"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "5m")}
        for number, expression in enumerate(dashboard_expressions())
    ]
    rules = tmp_path / "dashboard.rules.json"
    rules.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": recorded}]}))
    checked = promtool("check", "rules", str(rules))
    assert checked.returncode == 0, checked.stdout + checked.stderr


# ---- on Kubernetes ----


@pytest.fixture(scope="module")
def objects() -> list[dict[str, Any]]:
    """The base with the component, as kustomize renders it."""
    return [dict(each) for each in render.base_with(["monitoring"]).objects]


def one(objects: list[dict[str, Any]], kind: str, name: str = "telefact") -> dict[str, Any]:
    (found,) = [each for each in objects if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


def faults(schema: Mapping[str, Any], value: Any, place: str) -> Iterator[str]:
    """Where a value is not what the definition of its kind says; what the definition does not know is a fault, too."""
    types: dict[str, tuple[type, ...]] = {
        "object": (dict,), "array": (list,), "string": (str,), "boolean": (bool,), "integer": (int,), "number": (int, float)}
    if "type" in schema and not isinstance(value, types[schema["type"]]):
        yield f"{place}: no {schema['type']}"
    elif isinstance(value, dict) and place != "metadata":
        yield from (f"{place}.{key}: missing" for key in schema.get("required", []) if key not in value)
        known, others = schema.get("properties", {}), schema.get("additionalProperties")
        for key, each in value.items():
            if key in known or others:
                yield from faults(known.get(key, others), each, f"{place}.{key}".removeprefix("."))
            else:
                yield f"{place}.{key}: unknown"
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from faults(schema["items"], each, f"{place}[{number}]")
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{place}: {value!r}"
    elif "pattern" in schema and not re.search(schema["pattern"], str(value)):
        yield f"{place}: {value!r}"


@pytest.mark.parametrize("kind", ["PodMonitor", "PrometheusRule"])
def test_the_operator_takes_the_objects(objects: list[dict[str, Any]], kind: str) -> None:
    (folder,) = render.CACHE.glob("prometheus-operator-*")
    definition = yaml.safe_load((folder / f"monitoring.coreos.com_{kind.lower()}s.yaml").read_text())["spec"]
    found = one(objects, kind)
    (version,) = [each for each in definition["versions"] if f"{definition['group']}/{each['name']}" == found["apiVersion"]]
    schema = version["schema"]["openAPIV3Schema"]
    assert list(faults(schema, found, "")) == []
    broken = json.loads(json.dumps(found))
    broken["spec"]["selectors"] = broken["spec"].pop("selector", broken["spec"].pop("groups", None))
    assert list(faults(schema, broken, ""))


def test_every_process_is_scraped(objects: list[dict[str, Any]]) -> None:
    monitor = one(objects, "PodMonitor")["spec"]
    (endpoint,) = monitor["podMetricsEndpoints"]
    wanted = {each["key"]: each["values"] for each in monitor["selector"]["matchExpressions"]}
    deployments = [each for each in objects if each["kind"] == "Deployment"]
    assert len(deployments) == 3
    for deployment in deployments:
        template = deployment["spec"]["template"]
        assert all(template["metadata"]["labels"].get(key) in values for key, values in wanted.items())
        ports = [port["name"] for container in template["spec"]["containers"] for port in container["ports"]]
        assert endpoint["port"] in ports


def test_rules_and_dashboard_are_those_of_the_files(objects: list[dict[str, Any]]) -> None:
    assert one(objects, "PrometheusRule")["spec"] == yaml.safe_load(RULES.read_text())
    dashboard = one(objects, "ConfigMap", "telefact-dashboard")
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert dashboard["data"] == {"telefact.json": DASHBOARD.read_text()}


# ---- alerts ----


def rule_test(cases: Mapping[str, Mapping[str, str]], fires: bool) -> dict[str, Any]:
    """All of them at once, as no two alerts look at the same series: a test of promtool's costs a second."""
    questions = []
    for alert in cases:
        expected = [{"labels": f'{{alertname="{alert}"}}', "value": 1}] if fires else []
        severities = f'count by (alertname, severity) (ALERTS{{alertname="{alert}",alertstate="firing"}})'
        question = {"expr": f"count by (alertname) ({severities})", "eval_time": f"{alerts.MINUTES}m", "exp_samples": expected}
        questions.append(question)
    series = [{"series": name, "values": values} for case in cases.values() for name, values in case.items()]
    assert len({each["series"] for each in series}) == len(series)
    return {"interval": "1m", "input_series": series, "promql_expr_test": questions}


def rule_tests(is_inverted: bool) -> list[dict[str, Any]]:
    rounds = max(len(case.quiet) for case in alerts.CASES.values())
    quiet = [{alert: case.quiet[n] for alert, case in alerts.CASES.items() if n < len(case.quiet)} for n in range(rounds)]
    fires = {alert: case.fires for alert, case in alerts.CASES.items()}
    return [rule_test(fires, not is_inverted), *(rule_test(each, is_inverted) for each in quiet)]


def run_rule_tests(folder: Path, tests: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    path = folder / "alerts.json"
    path.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}))
    return promtool("test", "rules", str(path))


def test_every_alert_fires_when_it_must_and_only_then(tmp_path: Path) -> None:
    assert list(alerts.CASES) == list(rule_expressions())
    checked = run_rule_tests(tmp_path, rule_tests(is_inverted=False))
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_test_of_alerts_can_fail(tmp_path: Path) -> None:
    checked = run_rule_tests(tmp_path, rule_tests(is_inverted=True))
    assert checked.returncode != 0
    failed = re.findall(r'alertname=\\*"(\w+)\\*",alertstate', checked.stdout + checked.stderr)
    wanted = [each for alert, case in alerts.CASES.items() for each in (alert,) * (1 + len(case.quiet))]
    assert sorted(failed) == sorted(wanted)
