"""Checks that need more than one object: what refers to what, and what must be the same in several places."""

from __future__ import annotations

from collections.abc import Iterator

from tests.support.manifests import secrets
from tests.support.manifests.checks import check
from tests.support.manifests.objects import Manifest, Object, Workload

# Sessions of one process at PostgreSQL beside the reader's pool: writer, positions, letters.
WRITER_SESSIONS = 3
PEOPLE_AND_TOOLS = 20


@check
def references_lead_somewhere(manifest: Manifest) -> Iterator[str]:
    keys = secrets.known(manifest)
    for who, name, wanted in _secret_references(manifest):
        if name not in keys:
            yield f"{who}: nobody makes the Secret {name}"
        elif not wanted <= keys[name]:
            yield f"{who}: the Secret {name} has no {', '.join(sorted(wanted - keys[name]))}"
    for workload in manifest.workloads():
        for source in workload.container.get("envFrom", []):
            if manifest.find("ConfigMap", source["configMapRef"]["name"]) is None:
                yield f"{workload.name}: no ConfigMap {source['configMapRef']['name']}"
    for each in manifest.of("ExternalSecret"):
        if each["spec"]["target"]["name"] not in secrets.by_hand():
            yield f"ExternalSecret {each['metadata']['name']} makes what nobody knows"
    for each in manifest.of("ScaledObject"):
        for trigger in each["spec"]["triggers"]:
            if manifest.find("TriggerAuthentication", trigger["authenticationRef"]["name"]) is None:
                yield f"ScaledObject {each['metadata']['name']}: no TriggerAuthentication"


def _secret_references(manifest: Manifest) -> Iterator[tuple[str, str, frozenset[str]]]:
    """(who, Secret, keys)."""
    for workload in manifest.workloads():
        for volume in workload.pod.get("volumes", []):
            parts = [{"secret": {**volume["secret"], "name": volume["secret"]["secretName"]}}] if "secret" in volume \
                else volume.get("projected", {}).get("sources", [])
            for part in parts:
                yield workload.name, part["secret"]["name"], frozenset(i["key"] for i in part["secret"]["items"])
    for each in manifest.of("TriggerAuthentication"):
        for target in each["spec"]["secretTargetRef"]:
            yield each["metadata"]["name"], target["name"], frozenset({target["key"]})
    for each in manifest.of("Ingress"):
        for tls in each["spec"].get("tls", []):
            yield each["metadata"]["name"], tls["secretName"], frozenset({"tls.crt", "tls.key"})
    for each in manifest.of("Cluster"):
        login = frozenset({"username", "password"})
        yield each["metadata"]["name"], each["spec"]["bootstrap"]["initdb"]["secret"]["name"], login
        for role in each["spec"]["managed"]["roles"]:
            yield role["name"], role["passwordSecret"]["name"], login


@check
def the_services_agree_on_the_topics(manifest: Manifest) -> Iterator[str]:
    gateway = manifest.get("ConfigMap", "gateway")["data"]
    store = manifest.get("ConfigMap", "store")["data"]
    for name in ("TOPIC_PREFIX", "TOPIC_PARTITIONS", "KAFKA_BOOTSTRAP_SERVERS", "KAFKA_SECURITY_PROTOCOL"):
        if gateway.get(f"GATEWAY_{name}") != store.get(f"STORE_{name}"):
            yield f"{name} is not the same in gateway and store"
    prefix, partitions = gateway["GATEWAY_TOPIC_PREFIX"], int(gateway["GATEWAY_TOPIC_PARTITIONS"])
    counts = {f"{prefix}.events.v1": partitions, f"{prefix}.raw.v1": partitions, f"{prefix}.lease.v1": 1}
    topics = {each["metadata"]["name"]: each["spec"]["partitions"] for each in manifest.of("KafkaTopic")}
    if topics and topics != counts:
        yield f"the topics are {topics}, the settings say {counts}"
    group = store["STORE_KAFKA_GROUP_ID"]
    allowed = {"topic": {*counts}, "group": {group, f"{group}-replay-", f"{prefix}.poller"}}
    for user in manifest.of("KafkaUser"):
        for acl in user["spec"]["authorization"]["acls"]:
            resource = acl["resource"]
            if resource["name"] not in allowed.get(resource["type"], ()):
                yield f"{user['metadata']['name']} has rights on {resource['type']} {resource['name']}"
            if {"Create", "Delete", "Alter", "AlterConfigs", "All"} & set(acl["operations"]):
                yield f"{user['metadata']['name']} may change {resource['type']} {resource['name']}"
    for each in manifest.of("ScaledObject"):
        yield from _lag_faults(manifest, each, group, f"{prefix}.events.v1")


def _lag_faults(manifest: Manifest, scaled: Object, group: str, topic: str) -> Iterator[str]:
    bootstrap = manifest.get("ConfigMap", "store")["data"]["STORE_KAFKA_BOOTSTRAP_SERVERS"]
    host, _, port = bootstrap.partition(":")
    for trigger in scaled["spec"]["triggers"]:
        asked = trigger["metadata"]
        if (asked["consumerGroup"], asked["topic"]) != (group, topic):
            yield f"KEDA looks at {asked['consumerGroup']} on {asked['topic']}, the store is {group} on {topic}"
        if asked["bootstrapServers"] != f"{host}.{manifest.namespace}.svc:{port}":
            yield f"KEDA asks {asked['bootstrapServers']}, the store {bootstrap}"
        if tuple(map(int, str(asked.get("version", "1.0.0")).split(".")[:2])) < (2, 1):
            yield "KEDA speaks a protocol that Kafka 4 does not know"
        if any(not isinstance(value, str) for value in asked.values()):
            yield "KEDA takes texts alone in metadata"
    partitions = int(manifest.get("ConfigMap", "store")["data"]["STORE_TOPIC_PARTITIONS"])
    if int(scaled["spec"]["maxReplicaCount"]) > partitions:
        yield "more stores than partitions would stand idle"


@check
def kafka_is_where_the_programs_look(manifest: Manifest) -> Iterator[str]:
    bootstrap = manifest.get("ConfigMap", "gateway")["data"]["GATEWAY_KAFKA_BOOTSTRAP_SERVERS"]
    for kafka in manifest.of("Kafka"):
        name = kafka["metadata"]["name"]
        ports = {each["port"] for each in kafka["spec"]["kafka"]["listeners"] if each["tls"]}
        if bootstrap not in {f"{name}-kafka-bootstrap:{port}" for port in ports}:
            yield f"the programs look for Kafka at {bootstrap}"
        owned = [each for each in manifest.of("KafkaNodePool", "KafkaTopic", "KafkaUser")
                 if each["metadata"]["labels"].get("strimzi.io/cluster") != name]
        for each in owned:
            yield f"{each['kind']} {each['metadata']['name']} belongs to another cluster"
        brokers = sum(each["spec"]["replicas"] for each in manifest.of("KafkaNodePool"))
        for topic in manifest.of("KafkaTopic"):
            in_sync = int(topic["spec"].get("config", {}).get("min.insync.replicas", 1))
            if topic["spec"]["replicas"] > brokers or in_sync > max(1, topic["spec"]["replicas"] - 1):
                yield f"topic {topic['metadata']['name']}: {brokers} brokers are too few, or none may be away"


@check
def kafkas_pods_are_restricted_too(manifest: Manifest) -> Iterator[str]:
    """The namespace lets in no others, and Strimzi restricts its pods only when it is told to."""
    for each in manifest.of("Kafka"):
        yield from _open_containers(each["spec"]["entityOperator"], ("topicOperatorContainer", "userOperatorContainer"))
    for each in manifest.of("KafkaNodePool"):
        yield from _open_containers(each["spec"], ("kafkaContainer", "initContainer"))


def _open_containers(spec: Object, names: tuple[str, ...]) -> Iterator[str]:
    wanted = {"runAsNonRoot": True, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]},
              "seccompProfile": {"type": "RuntimeDefault"}}
    for name in names:
        if spec.get("template", {}).get(name, {}).get("securityContext") != wanted:
            yield f"{name} is not restricted"


@check
def the_database_is_where_the_programs_look(manifest: Manifest) -> Iterator[str]:
    for cluster in manifest.of("Cluster"):
        spec, settings = cluster["spec"], manifest.get("ConfigMap", "store")["data"]
        if settings.get("PGSSLMODE") != "verify-full" or not settings.get("PGSSLROOTCERT"):
            yield "the database's certificate is not looked at"
        allowed = int(spec["postgresql"]["parameters"]["max_connections"])
        needed = _connections(manifest) + PEOPLE_AND_TOOLS
        if needed > allowed:
            yield f"PostgreSQL lets {allowed} in, and {needed} may come"
        if spec["instances"] == 1 and spec.get("enablePDB") is not False:
            yield "the budget of a single instance lets no node be drained"
        roles = manifest.get("ConfigMap", "database-roles")["data"]["roles.sql"]
        for role in spec["managed"]["roles"]:
            if f"CREATE ROLE {role['name']} " not in roles:
                yield f"role {role['name']} has no rights in roles.sql"


def _connections(manifest: Manifest) -> int:
    """Most sessions of the Deployments, during a roll-out too."""
    total = 0
    for workload in manifest.workloads("Deployment"):
        roles = manifest.environment(workload).get("STORE_ROLES", "")
        pool = int(manifest.environment(workload).get("STORE_RPC_POOL_MAX", 10)) if "rpc" in roles else 0
        sessions = pool + (WRITER_SESSIONS if "ingest" in roles else 0)
        total += sessions * (manifest.counts(workload)[1] + 1)
    return total


@check
def ports_are_those_that_listen(manifest: Manifest) -> Iterator[str]:
    for workload in manifest.workloads():
        environment = manifest.environment(workload)
        listens = _listens(workload, environment)
        for name, address in listens.items():
            if address.rpartition(":")[0] != "0.0.0.0":
                yield f"{workload.name}: {address} cannot be reached from outside the pod"
            if workload.ports().get(name) != int(address.rpartition(":")[2]):
                yield f"{workload.name}: listens at {address}, and no port {name} says so"
        for name in workload.ports().keys() - listens.keys():
            yield f"{workload.name}: nothing listens at its port {name}"


def _listens(workload: Workload, environment: dict[str, str]) -> dict[str, str]:
    """{name of the port: address} of what its program opens; "" is the program's own choice."""
    if workload.kind != "Deployment":
        return {}
    if workload.program == "telefact-gateway":
        roles = environment.get("GATEWAY_ROLES", "ingest,publish").split(",")
        takes = "ingest" in roles and environment.get("GATEWAY_MODE", "webhook") == "webhook"
        found = {"webhook": "GATEWAY_WEBHOOK_LISTEN"} if takes else {}
        found |= {"grpc": "GATEWAY_RPC_LISTEN"} if "publish" in roles else {}
        found["admin"] = "GATEWAY_ADMIN_LISTEN"
    else:
        roles = environment.get("STORE_ROLES", "ingest,rpc").split(",")
        found = {"admin": "STORE_ADMIN_LISTEN"} | ({"grpc": "STORE_RPC_LISTEN"} if "rpc" in roles else {})
    return {name: environment.get(setting, "127.0.0.1:0") for name, setting in found.items()}
