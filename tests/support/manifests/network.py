"""Checks of network policies: everything that is needed is allowed, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from tests.support.manifests.checks import check
from tests.support.manifests.objects import Manifest, Object, Workload

HTTPS, DNS, POSTGRES = 443, 53, 5432
KAFKA_PORTS = (9092, 9093)


@check
def everything_is_denied_at_first(manifest: Manifest) -> Iterator[str]:
    if not manifest.of("NetworkPolicy"):
        return
    for workload in manifest.workloads():
        for direction in ("Ingress", "Egress"):
            denied = [each for each in manifest.policies(workload, direction) if not _rules(each, direction)]
            if not denied:
                yield f"{workload.name}: {direction} is open where no policy says otherwise"


@check
def what_comes_in_is_allowed_and_no_more(manifest: Manifest) -> Iterator[str]:
    if not manifest.of("NetworkPolicy"):
        return
    for workload in manifest.workloads("Deployment"):
        allowed = {port for rule in _allowed(manifest, workload, "Ingress") for port in _ports(rule, workload)}
        wanted = set(workload.ports().values())
        if wanted - allowed:
            yield f"{workload.name}: nobody can reach port {sorted(wanted - allowed)}"
    for policy in manifest.of("NetworkPolicy"):
        for workload in manifest.selected(policy["spec"]["podSelector"], manifest.workloads("Deployment")):
            for rule in _rules(policy, "Ingress"):
                if not set(_ports(rule, workload)) <= set(workload.ports().values()) or not rule.get("ports"):
                    yield f"{policy['metadata']['name']}: opens a port of {workload.name} where nothing listens"
                if not rule.get("from") and set(_ports(rule, workload)) - {workload.ports().get("webhook")}:
                    yield f"{policy['metadata']['name']}: lets everybody come to {workload.name}"


@check
def what_goes_out_is_allowed_and_no_more(manifest: Manifest) -> Iterator[str]:
    if not manifest.of("NetworkPolicy"):
        return
    for workload in manifest.workloads():
        wanted = _destinations(manifest, workload)
        rules = list(_allowed(manifest, workload, "Egress"))
        allowed = {port for rule in rules for port in _ports(rule, workload)}
        if wanted - allowed:
            yield f"{workload.name}: cannot reach port {sorted(wanted - allowed)}"
        if allowed - wanted - set(KAFKA_PORTS if wanted & set(KAFKA_PORTS) else ()):
            yield f"{workload.name}: may go to port {sorted(allowed - wanted)} and never does"
        if any(not rule.get("ports") for rule in rules):
            yield f"{workload.name}: may go to any port"
    yield from _peer_faults(manifest)


def _destinations(manifest: Manifest, workload: Workload) -> set[int]:
    environment = manifest.environment(workload)
    wanted = {DNS}
    kind = "GATEWAY" if workload.program == "telefact-gateway" else "STORE"
    talks_to_kafka = workload.component in ("gateway-ingest", "store-ingest", "topics", "tools")
    if talks_to_kafka:
        wanted |= {int(each.rpartition(":")[2]) for each in environment[f"{kind}_KAFKA_BOOTSTRAP_SERVERS"].split(",")}
    if "STORE_DATABASE_URL_FILE" in environment:
        wanted.add(POSTGRES)
    if "GATEWAY_BOT_TOKEN_FILE" in environment:
        wanted.add(HTTPS)
    return wanted


def _peer_faults(manifest: Manifest) -> Iterator[str]:
    """Servers of this rendering are named by the labels that their operators give."""
    servers = [("to-kafka", "strimzi.io/cluster", each) for each in manifest.of("Kafka")]
    servers += [("to-database", "cnpg.io/cluster", each) for each in manifest.of("Cluster")]
    for name, label, server in servers:
        policy = manifest.get("NetworkPolicy", name)
        for rule in policy["spec"]["egress"]:
            peers = rule.get("to", [])
            if len(peers) != 1 or peers[0].get("podSelector", {}).get("matchLabels", {}).get(label) != \
                    server["metadata"]["name"]:
                yield f"{name}: leads elsewhere than to the pods of {server['kind']} {server['metadata']['name']}"
    for policy in manifest.of("NetworkPolicy"):
        for rule in _rules(policy, "Egress"):
            blocks = [peer["ipBlock"] for peer in rule.get("to", []) if "ipBlock" in peer]
            if any(each["cidr"] == "0.0.0.0/0" and "10.0.0.0/8" not in each.get("except", []) for each in blocks):
                yield f"{policy['metadata']['name']}: the world outside includes the cluster"


def _rules(policy: Object, direction: str) -> list[Object]:
    return policy["spec"].get(direction.lower(), []) if direction in policy["spec"]["policyTypes"] else []


def _allowed(manifest: Manifest, workload: Workload, direction: str) -> Iterator[Object]:
    for policy in manifest.policies(workload, direction):
        yield from _rules(policy, direction)


def _ports(rule: Object, workload: Workload) -> Iterator[int]:
    """Numbers; a named port that the pod does not have is -1."""
    for each in rule.get("ports", []):
        port = each["port"]
        yield workload.ports().get(port, -1) if isinstance(port, str) else port
