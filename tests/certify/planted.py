"""Faults to plant into a copy of a rendering, each with the rule that must object to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tests.support.manifests.objects import Manifest, Object

Plant = Callable[[Manifest], Any]


class Fault(NamedTuple):
    """What is done to which rendering, and which rule sees it."""

    what: str
    rule: str
    plant: Plant
    rendering: str = "prod"


def _pod(m: Manifest, name: str = "gateway-ingest") -> Object:
    return m.workload(name).pod


def _container(m: Manifest, name: str = "gateway-ingest") -> Object:
    return m.workload(name).container


def _spec(m: Manifest, kind: str, name: str) -> Object:
    spec: Object = m.get(kind, name)["spec"]
    return spec


def _data(m: Manifest, name: str) -> Object:
    data: Object = m.get("ConfigMap", name)["data"]
    return data


def _variable(m: Manifest, workload: str, name: str) -> Object:
    return next(each for each in _container(m, workload)["env"] if each["name"] == name)


def _add(m: Manifest, workload: str, name: str, value: str) -> None:
    _container(m, workload)["env"].append({"name": name, "value": value})


FAULTS = [
    Fault("another pod security", "the_namespace_is_restricted",
          lambda m: m.get("Namespace", "telefact")["metadata"]["labels"].update(
              {"pod-security.kubernetes.io/enforce": "baseline"})),
    Fault("an object elsewhere", "the_namespace_is_restricted",
          lambda m: m.get("Service", "store-rpc")["metadata"].update(namespace="default")),

    Fault("root", "every_pod_is_restricted", lambda m: _pod(m)["securityContext"].update(runAsUser=0)),
    Fault("no group for files", "every_pod_is_restricted", lambda m: _pod(m, "migrate")["securityContext"].pop("fsGroup")),
    Fault("no seccomp", "every_pod_is_restricted",
          lambda m: _pod(m, "store-rpc")["securityContext"].pop("seccompProfile")),
    Fault("a capability", "every_pod_is_restricted",
          lambda m: _container(m)["securityContext"].update(capabilities={"add": ["NET_RAW"]})),
    Fault("a root that can be written", "every_pod_is_restricted",
          lambda m: _container(m, "tools")["securityContext"].pop("readOnlyRootFilesystem")),
    Fault("escalation", "every_pod_is_restricted",
          lambda m: _container(m)["securityContext"].update(allowPrivilegeEscalation=True)),
    Fault("service links", "every_pod_is_restricted", lambda m: _pod(m).pop("enableServiceLinks")),
    Fault("the node's network", "every_pod_is_restricted", lambda m: _pod(m).update(hostNetwork=True)),
    Fault("a folder of the node", "every_pod_is_restricted",
          lambda m: _pod(m)["volumes"].append({"name": "node", "hostPath": {"path": "/"}})),

    Fault("an account with a token", "service_accounts_have_no_token",
          lambda m: m.get("ServiceAccount", "store-rpc").pop("automountServiceAccountToken")),
    Fault("an account that is not there", "service_accounts_have_no_token",
          lambda m: m.remove("ServiceAccount", "gateway-ingest")),

    Fault("files for everybody", "files_of_secrets_are_read_by_the_program_alone",
          lambda m: _pod(m, "store-rpc")["volumes"][0]["secret"].update(defaultMode=0o444)),
    Fault("files for everybody, projected", "files_of_secrets_are_read_by_the_program_alone",
          lambda m: _pod(m)["volumes"][0]["projected"].pop("defaultMode")),
    Fault("a mount without its volume", "files_of_secrets_are_read_by_the_program_alone",
          lambda m: _pod(m)["volumes"].clear()),
    Fault("a path that is never renewed", "files_of_secrets_are_read_by_the_program_alone",
          lambda m: _container(m)["volumeMounts"][0].update(subPath="ca.crt")),

    Fault("a token in the settings", "secrets_stand_in_no_object",
          lambda m: _data(m, "gateway").update(GATEWAY_LABEL="123456789:AAabcdefghijklmnopqrstuvwxyz0123456")),
    Fault("a password in an address", "secrets_stand_in_no_object",
          lambda m: _add(m, "store-rpc", "STORE_URL", "postgresql://telefact:pass@database-rw/telefact")),
    Fault("a secret as a variable", "secrets_stand_in_no_object",
          lambda m: _container(m)["env"].append({"name": "GATEWAY_WEBHOOK_SECRET", "valueFrom": {"secretKeyRef": {}}})),
    Fault("a Secret among the manifests", "secrets_stand_in_no_object",
          lambda m: m.objects.append({"kind": "Secret", "metadata": {"name": "bot"}})),

    Fault("no readiness", "probes_ask_the_admin_port", lambda m: _container(m, "store-rpc").pop("readinessProbe")),
    Fault("liveness that depends on servers", "probes_ask_the_admin_port",
          lambda m: _container(m)["livenessProbe"]["httpGet"].update(path="/readyz")),
    Fault("a probe of another port", "probes_ask_the_admin_port",
          lambda m: _container(m)["startupProbe"]["httpGet"].update(port="webhook")),
    Fault("no time to start", "probes_ask_the_admin_port",
          lambda m: _container(m, "store-ingest")["startupProbe"].update(failureThreshold=10)),

    Fault("no memory limit", "resources_are_bounded", lambda m: _container(m)["resources"].pop("limits")),
    Fault("less memory than promised", "resources_are_bounded",
          lambda m: [_container(m)["resources"][kind].update(memory="64Mi") for kind in ("limits", "requests")]),
    Fault("a limit of CPU", "resources_are_bounded", lambda m: _container(m)["resources"]["limits"].update(cpu="1")),

    Fault("a Service without pods", "selectors_choose_pods",
          lambda m: _spec(m, "Service", "store-rpc")["selector"].update({"app.kubernetes.io/component": "rpc"})),
    Fault("a selector of all", "selectors_choose_pods",
          lambda m: _spec(m, "Deployment", "store-rpc")["selector"]["matchLabels"].pop("app.kubernetes.io/component")),
    Fault("all in one zone", "selectors_choose_pods", lambda m: _pod(m)["topologySpreadConstraints"].pop(0)),
    Fault("a policy for nobody", "selectors_choose_pods",
          lambda m: _spec(m, "NetworkPolicy", "to-telegram")["podSelector"]["matchLabels"].update(
              {"app.kubernetes.io/component": "gateway"})),

    Fault("a Service to another port", "services_lead_to_ports",
          lambda m: _spec(m, "Service", "gateway-webhook")["ports"][0].update(targetPort="http")),
    Fault("gRPC behind one address", "services_lead_to_ports",
          lambda m: _spec(m, "Service", "gateway-publish").pop("clusterIP")),
    Fault("gRPC that nobody knows as such", "services_lead_to_ports",
          lambda m: _spec(m, "Service", "store-rpc")["ports"][0].pop("appProtocol")),

    Fault("a route to everything", "routes_lead_to_the_webhook_and_the_services_alone",
          lambda m: _spec(m, "HTTPRoute", "webhook")["rules"][0]["matches"][0]["path"].update(type="PathPrefix")),
    Fault("a route to another path", "routes_lead_to_the_webhook_and_the_services_alone",
          lambda m: _data(m, "gateway").update(GATEWAY_WEBHOOK_PATH="/elsewhere")),
    Fault("a route to AdminService", "routes_lead_to_the_webhook_and_the_services_alone",
          lambda m: _spec(m, "GRPCRoute", "store-rpc")["rules"][0]["matches"].append(
              {"method": {"service": "telefact.store.v1.AdminService"}})),
    Fault("a route to every service", "routes_lead_to_the_webhook_and_the_services_alone",
          lambda m: _spec(m, "GRPCRoute", "store-rpc")["rules"][0].pop("matches")),
    Fault("a route to no Service", "routes_lead_to_the_webhook_and_the_services_alone",
          lambda m: m.remove("Service", "gateway-webhook")),
    Fault("an Ingress to everything", "routes_lead_to_the_webhook_and_the_services_alone",
          lambda m: _spec(m, "Ingress", "webhook")["rules"][0]["http"]["paths"][0].update(path="/"), "by hand"),

    Fault("no budget", "budgets_keep_pods_and_let_nodes_go", lambda m: m.remove("PodDisruptionBudget", "store-rpc")),
    Fault("a budget that keeps all", "budgets_keep_pods_and_let_nodes_go",
          lambda m: _replace_budget(m, minAvailable=3)),
    Fault("a budget of one", "budgets_keep_pods_and_let_nodes_go",
          lambda m: _replace_budget(m, minAvailable=1), "dev"),
    Fault("pods that are not ready keep their node", "budgets_keep_pods_and_let_nodes_go",
          lambda m: _spec(m, "PodDisruptionBudget", "store-rpc").pop("unhealthyPodEvictionPolicy")),
    Fault("a roll-out that takes pods away", "budgets_keep_pods_and_let_nodes_go",
          lambda m: _spec(m, "Deployment", "store-rpc")["strategy"]["rollingUpdate"].update(maxUnavailable=1)),

    Fault("two scalers", "one_scaler_owns_a_count",
          lambda m: _spec(m, "HorizontalPodAutoscaler", "store-rpc")["scaleTargetRef"].update(name="store-ingest")),
    Fault("a count beside a scaler", "one_scaler_owns_a_count",
          lambda m: _spec(m, "Deployment", "gateway-ingest").update(replicas=3)),
    Fault("a scaler of nothing", "one_scaler_owns_a_count",
          lambda m: _spec(m, "ScaledObject", "store-ingest")["scaleTargetRef"].update(name="store")),
    Fault("down to nothing", "one_scaler_owns_a_count",
          lambda m: _spec(m, "ScaledObject", "store-ingest").update(minReplicaCount=0)),

    Fault("the newest image", "images_are_pinned", lambda m: _container(m).update(image="telefact-gateway:latest")),
    Fault("an image without a tag", "images_are_pinned", lambda m: _container(m).update(image="telefact-gateway")),
    Fault("the other image", "images_are_pinned", lambda m: _container(m).update(image="telefact-store:1")),

    Fault("a Secret that nobody makes", "references_lead_somewhere",
          lambda m: _pod(m, "store-ingest")["volumes"][1]["secret"].update(secretName="database")),
    Fault("a key that nobody makes", "references_lead_somewhere",
          lambda m: _pod(m)["volumes"][1]["projected"]["sources"][0]["secret"]["items"][0].update(key="bot-token")),
    Fault("a user without certificates", "references_lead_somewhere", lambda m: m.remove("KafkaUser", "kafka-lag")),
    Fault("no settings", "references_lead_somewhere", lambda m: m.remove("ConfigMap", "store")),
    Fault("a secret store's unknown entry", "references_lead_somewhere",
          lambda m: _spec(m, "ExternalSecret", "bot")["target"].update(name="bots")),
    Fault("KEDA without a login", "references_lead_somewhere", lambda m: m.remove("TriggerAuthentication", "kafka-lag")),

    Fault("another count of partitions", "the_services_agree_on_the_topics",
          lambda m: _data(m, "store").update(STORE_TOPIC_PARTITIONS="24")),
    Fault("topics of another count", "the_services_agree_on_the_topics",
          lambda m: _spec(m, "KafkaTopic", "telefact.events.v1").update(partitions=6)),
    Fault("rights on another group", "the_services_agree_on_the_topics",
          lambda m: _data(m, "store").update(STORE_KAFKA_GROUP_ID="others")),
    Fault("a right to delete", "the_services_agree_on_the_topics",
          lambda m: _spec(m, "KafkaUser", "kafka-store")["authorization"]["acls"][0]["operations"].append("Delete")),
    Fault("KEDA asks another namespace", "the_services_agree_on_the_topics",
          lambda m: _trigger(m).update(bootstrapServers="telefact-kafka-bootstrap.default.svc:9093")),
    Fault("KEDA looks at another group", "the_services_agree_on_the_topics",
          lambda m: _trigger(m).update(consumerGroup="telefact-store-g2")),
    Fault("KEDA speaks an old protocol", "the_services_agree_on_the_topics", lambda m: _trigger(m).pop("version")),
    Fault("a number where KEDA wants a text", "the_services_agree_on_the_topics",
          lambda m: _trigger(m).update(lagThreshold=100)),
    Fault("more stores than partitions", "the_services_agree_on_the_topics",
          lambda m: _spec(m, "ScaledObject", "store-ingest").update(maxReplicaCount=13)),

    Fault("Kafka of another name", "kafka_is_where_the_programs_look",
          lambda m: m.get("Kafka", "telefact")["metadata"].update(name="kafka")),
    Fault("a topic of another cluster", "kafka_is_where_the_programs_look",
          lambda m: m.get("KafkaTopic", "telefact.raw.v1")["metadata"]["labels"].update({"strimzi.io/cluster": "x"})),
    Fault("more replicas than brokers", "kafka_is_where_the_programs_look",
          lambda m: _spec(m, "KafkaNodePool", "kafka").update(replicas=1)),
    Fault("every broker must be there", "kafka_is_where_the_programs_look",
          lambda m: _spec(m, "KafkaTopic", "telefact.events.v1")["config"].update({"min.insync.replicas": 3})),

    Fault("a broker that may do more", "kafkas_pods_are_restricted_too",
          lambda m: _spec(m, "KafkaNodePool", "kafka")["template"]["kafkaContainer"]["securityContext"].pop("capabilities")),
    Fault("an operator that nobody restricts", "kafkas_pods_are_restricted_too",
          lambda m: _spec(m, "Kafka", "telefact")["entityOperator"].pop("template")),

    Fault("any certificate will do", "the_database_is_where_the_programs_look",
          lambda m: _data(m, "store").update(PGSSLMODE="require")),
    Fault("more readers than PostgreSQL lets in", "the_database_is_where_the_programs_look",
          lambda m: _spec(m, "HorizontalPodAutoscaler", "store-rpc").update(maxReplicas=20)),
    Fault("a budget of one instance", "the_database_is_where_the_programs_look",
          lambda m: _spec(m, "Cluster", "database").pop("enablePDB"), "dev"),
    Fault("a role without rights", "the_database_is_where_the_programs_look",
          lambda m: _spec(m, "Cluster", "database")["managed"]["roles"][0].update(name="writer")),

    Fault("an admin listener of loopback", "ports_are_those_that_listen",
          lambda m: _variable(m, "store-rpc", "STORE_ADMIN_LISTEN").update(value="127.0.0.1:9101")),
    Fault("a port of another number", "ports_are_those_that_listen",
          lambda m: _container(m)["ports"][0].update(containerPort=8081)),
    Fault("a port where nothing listens", "ports_are_those_that_listen",
          lambda m: _data(m, "gateway").update(GATEWAY_MODE="polling")),
    Fault("a listener without a port", "ports_are_those_that_listen",
          lambda m: _container(m, "store-rpc")["ports"].pop(0)),

    Fault("nothing is denied", "everything_is_denied_at_first", lambda m: m.remove("NetworkPolicy", "default-deny")),
    Fault("a port that nobody reaches", "what_comes_in_is_allowed_and_no_more",
          lambda m: m.remove("NetworkPolicy", "scrapes")),
    Fault("RPCs for everybody", "what_comes_in_is_allowed_and_no_more",
          lambda m: _spec(m, "NetworkPolicy", "store-rpc")["ingress"][0].pop("from")),
    Fault("any port for somebody", "what_comes_in_is_allowed_and_no_more",
          lambda m: _spec(m, "NetworkPolicy", "store-rpc")["ingress"][0].pop("ports")),
    Fault("an open port where nothing listens", "what_comes_in_is_allowed_and_no_more",
          lambda m: _spec(m, "NetworkPolicy", "store-rpc")["ingress"][0]["ports"].append({"port": 8080})),
    Fault("no way to Kafka", "what_goes_out_is_allowed_and_no_more", lambda m: m.remove("NetworkPolicy", "to-kafka"),
          "by hand"),
    Fault("no way to the database", "what_goes_out_is_allowed_and_no_more",
          lambda m: _spec(m, "NetworkPolicy", "to-database")["podSelector"]["matchExpressions"][1]["values"].pop()),
    Fault("readers that reach Kafka", "what_goes_out_is_allowed_and_no_more",
          lambda m: _spec(m, "NetworkPolicy", "to-kafka")["podSelector"]["matchExpressions"].pop()),
    Fault("Kafka is anybody", "what_goes_out_is_allowed_and_no_more",
          lambda m: _spec(m, "NetworkPolicy", "to-kafka")["egress"][0].pop("to")),
    Fault("the cluster is outside", "what_goes_out_is_allowed_and_no_more",
          lambda m: _spec(m, "NetworkPolicy", "to-telegram")["egress"][0]["to"][0]["ipBlock"].pop("except")),
]

# What the programs themselves must object to.
MISSPELT = [
    Fault("a misspelt name", "names", lambda m: _data(m, "gateway").update(GATEWAY_TOPIC_PARTITION="12")),
    Fault("a name of the other program", "names", lambda m: _data(m, "store").update(GATEWAY_LOG_LEVEL="info")),
    Fault("a secret in clear", "names", lambda m: _data(m, "gateway").update(GATEWAY_BOT_TOKEN="1:x")),
]
REFUSED = [
    Fault("a misspelt name", "config", lambda m: _data(m, "gateway").update(GATEWAY_TOPIC_PARTITION="12")),
    Fault("a wrong value", "config", lambda m: _data(m, "store").update(STORE_DRAIN_TIMEOUT_MS="25s")),
    Fault("a property that Kafka's library does not have", "config",
          lambda m: _data(m, "store").update(STORE_KAFKA_SECURITY_PROTOKOL="ssl")),
    Fault("RPCs for everybody", "config",
          lambda m: _container(m, "store-rpc")["env"].remove(_variable(m, "store-rpc", "STORE_RPC_TOKENS_FILE"))),
    Fault("a path where nothing is mounted", "config",
          lambda m: _variable(m, "gateway-ingest", "GATEWAY_BOT_TOKEN_FILE").update(value="/run/secrets/telefact/token")),
    Fault("certificates that are not mounted", "config",
          lambda m: _container(m, "store-ingest")["volumeMounts"].pop(0)),
    Fault("tools without certificates", "config", lambda m: _container(m, "tools")["volumeMounts"].pop(0)),
]
DEAF = [
    Fault("a path that nobody answers", "alive",
          lambda m: _container(m)["readinessProbe"]["httpGet"].update(path="/healthz")),
    Fault("liveness that is not alive", "alive",
          lambda m: _container(m)["livenessProbe"]["httpGet"].update(path="/readyz")),
    Fault("no time to drain", "alive", lambda m: _pod(m).update(terminationGracePeriodSeconds=90)),
    Fault("a longer drain than the grace", "alive", lambda m: _data(m, "store").update(STORE_DRAIN_TIMEOUT_MS="40000")),
]


def _replace_budget(m: Manifest, **spec: Any) -> None:
    budget = _spec(m, "PodDisruptionBudget", "store-rpc")
    budget.pop("maxUnavailable")
    budget.update(spec)


def _trigger(m: Manifest) -> Object:
    metadata: Object = _spec(m, "ScaledObject", "store-ingest")["triggers"][0]["metadata"]
    return metadata
