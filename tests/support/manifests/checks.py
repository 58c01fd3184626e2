"""What every rendering must hold. A check returns what is wrong, in words; tests plant a fault for each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from tests.support.manifests.objects import OURS, Manifest, Object, Workload

Check = Callable[[Manifest], Iterator[str]]
CHECKS: dict[str, Check] = {}

USER = 65532
PROMISED_MIB = 96
PROBES = {"startupProbe": "/startupz", "readinessProbe": "/readyz", "livenessProbe": "/livez"}
MADE_FILES = ("configMap", "emptyDir", "projected", "secret")


def check(function: Check) -> Check:
    """Put it among CHECKS, by its name."""
    CHECKS[function.__name__] = function
    return function


@check
def the_namespace_is_restricted(manifest: Manifest) -> Iterator[str]:
    (namespace,) = manifest.of("Namespace")
    for mode in ("enforce", "audit", "warn"):
        if namespace["metadata"].get("labels", {}).get(f"pod-security.kubernetes.io/{mode}") != "restricted":
            yield f"namespace: pod security is not restricted ({mode})"
    for each in manifest.objects:
        if each["kind"] != "Namespace" and each["metadata"].get("namespace") != manifest.namespace:
            yield f"{each['kind']} {each['metadata']['name']} is in another namespace"


@check
def every_pod_is_restricted(manifest: Manifest) -> Iterator[str]:
    for workload in manifest.workloads():
        for fault in _pod_faults(workload.pod):
            yield f"{workload.name}: {fault}"
        for container in workload.containers:
            for fault in _container_faults(container.get("securityContext", {})):
                yield f"{workload.name}/{container['name']}: {fault}"


def _pod_faults(pod: Object) -> Iterator[str]:
    context = pod.get("securityContext", {})
    wanted = {"runAsNonRoot": True, "runAsUser": USER, "runAsGroup": USER, "fsGroup": USER}
    for name, value in wanted.items():
        if context.get(name) != value:
            yield f"{name} is not {value}"
    if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "no seccomp profile"
    if any(pod.get(name) for name in ("hostNetwork", "hostPID", "hostIPC")):
        yield "is in a namespace of the node"
    for name in ("automountServiceAccountToken", "enableServiceLinks"):
        if pod.get(name) is not False:
            yield f"{name} is not false"
    for volume in pod.get("volumes", []):
        if not any(kind in volume for kind in MADE_FILES):
            yield f"volume {volume['name']} is of another kind"


def _container_faults(context: Object) -> Iterator[str]:
    if context.get("allowPrivilegeEscalation") is not False:
        yield "may escalate privileges"
    if context.get("readOnlyRootFilesystem") is not True:
        yield "may write to its root"
    if context.get("capabilities") != {"drop": ["ALL"]}:
        yield "has capabilities"
    if context.get("privileged") or context.get("runAsUser") == 0 or context.get("runAsNonRoot") is False:
        yield "is privileged"


@check
def service_accounts_have_no_token(manifest: Manifest) -> Iterator[str]:
    for workload in manifest.workloads():
        account = manifest.find("ServiceAccount", workload.pod.get("serviceAccountName", "default"))
        if account is None:
            yield f"{workload.name}: its service account is not here"
        elif account.get("automountServiceAccountToken") is not False:
            yield f"service account {account['metadata']['name']} gives tokens away"


@check
def files_of_secrets_are_read_by_the_program_alone(manifest: Manifest) -> Iterator[str]:
    """0400 of root; the group is fsGroup's and gets what the owner may read."""
    for workload in manifest.workloads():
        for volume in workload.pod.get("volumes", []):
            source = volume.get("secret") or volume.get("projected") or {}
            if source and source.get("defaultMode") != 0o400:
                yield f"{workload.name}: the files of {volume['name']} have mode {source.get('defaultMode')}, not 0400"
        for mount in workload.container.get("volumeMounts", []):
            if mount.get("readOnly") is not True:
                yield f"{workload.name}: {mount['mountPath']} is mounted for writing"
            if mount.get("subPath"):
                yield f"{workload.name}: {mount['mountPath']} is a subPath, which is never renewed"
            if workload.volume(mount["name"]) is None:
                yield f"{workload.name}: no volume {mount['name']}"


@check
def secrets_stand_in_no_object(manifest: Manifest) -> Iterator[str]:
    for each in manifest.of("Secret"):
        yield f"Secret {each['metadata']['name']} is part of the manifests"
    for where, name, value in _values(manifest):
        if re.search(r"\d{6,}:[A-Za-z0-9_-]{30,}", value):
            yield f"{where}: {name} holds a bot's token"
        if re.search(r"://[^/\s:@]+:[^@\s]+@", value):
            yield f"{where}: {name} holds a password"
        if re.search(r"(TOKEN|SECRET|PASSWORD|DATABASE_URL|FORWARD_URL|_PEM)$", name) and value:
            yield f"{where}: {name} is a secret, and belongs into a file"


def _values(manifest: Manifest) -> Iterator[tuple[str, str, str]]:
    """(where, name, value) of everything that becomes a variable or a file in clear."""
    for each in manifest.of("ConfigMap"):
        for name, value in each.get("data", {}).items():
            yield f"ConfigMap {each['metadata']['name']}", name, value
    for workload in manifest.workloads():
        for container in workload.containers:
            for each in container.get("env", []):
                yield workload.name, each["name"], str(each.get("value", each.get("valueFrom", "")))


@check
def probes_ask_the_admin_port(manifest: Manifest) -> Iterator[str]:
    for workload in manifest.workloads("Deployment"):
        for kind, path in PROBES.items():
            asked = workload.probes().get(kind)
            if asked is None:
                yield f"{workload.name}: no {kind}"
            elif asked["path"] != path or asked["port"] != "admin" or "admin" not in workload.ports():
                yield f"{workload.name}: {kind} asks {asked['port']}{asked['path']}, not admin{path}"
        if "startupProbe" in workload.container and _patience_s(workload.container["startupProbe"]) < 300:
            yield f"{workload.name}: is killed before its servers can be there"


def _patience_s(probe: Object) -> int:
    return int(probe.get("periodSeconds", 10)) * int(probe.get("failureThreshold", 3))


@check
def resources_are_bounded(manifest: Manifest) -> Iterator[str]:
    for workload in manifest.workloads():
        asked = workload.container.get("resources", {})
        requests, limits = asked.get("requests", {}), asked.get("limits", {})
        if not re.fullmatch(r"\d+Mi", str(limits.get("memory"))) or requests.get("memory") != limits.get("memory"):
            yield f"{workload.name}: memory is not requested as it is limited, in Mi"
        elif int(limits["memory"][:-2]) <= PROMISED_MIB:
            yield f"{workload.name}: {limits['memory']} of memory is no more than the programs may need"
        if "cpu" not in requests or "cpu" in limits:
            yield f"{workload.name}: CPU must be requested and not limited"


@check
def selectors_choose_pods(manifest: Manifest) -> Iterator[str]:
    for workload in manifest.workloads("Deployment"):
        if not _is_ours(workload):
            yield f"{workload.name}: its pods have not telefact's labels"
        selectors = [workload.object["spec"]["selector"]]
        selectors += [each["labelSelector"] for each in workload.pod.get("topologySpreadConstraints", [])]
        if any(manifest.selected(each) != [workload] for each in selectors):
            yield f"{workload.name}: a selector of its own chooses other pods"
        keys = {each["topologyKey"] for each in workload.pod.get("topologySpreadConstraints", [])}
        if keys != {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}:
            yield f"{workload.name}: is not spread over zones and nodes"
    for each in manifest.of("Service", "PodDisruptionBudget", "NetworkPolicy"):
        spec = each["spec"]
        if not manifest.selected(spec["podSelector" if each["kind"] == "NetworkPolicy" else "selector"]):
            yield f"{each['kind']} {each['metadata']['name']} chooses no pod"


def _is_ours(workload: Workload) -> bool:
    return OURS.items() <= dict(workload.labels).items() and workload.component == workload.name


@check
def services_lead_to_ports(manifest: Manifest) -> Iterator[str]:
    for service in manifest.of("Service"):
        for port in service["spec"]["ports"]:
            for workload in manifest.selected(service["spec"]["selector"]):
                if workload.ports().get(port["targetPort"]) != port["port"]:
                    yield f"Service {service['metadata']['name']}: {workload.name} has no port {port['targetPort']}"
            is_headless = service["spec"].get("clusterIP") == "None"
            if port["name"] == "grpc" and not is_headless and not _is_routed(manifest, service):
                yield f"Service {service['metadata']['name']}: gRPC behind one address is not balanced"
            if port["name"] == "grpc" and port.get("appProtocol") != "kubernetes.io/h2c":
                yield f"Service {service['metadata']['name']}: nobody is told that it is HTTP/2 without TLS"


def _is_routed(manifest: Manifest, service: Object) -> bool:
    return any(backend["name"] == service["metadata"]["name"] for _, backend in backends(manifest))


def backends(manifest: Manifest) -> Iterator[tuple[Object, Object]]:
    """(route, {name, port}) of all routes."""
    for route in manifest.of("HTTPRoute", "GRPCRoute"):
        for rule in route["spec"]["rules"]:
            for backend in rule["backendRefs"]:
                yield route, backend
    for ingress in manifest.of("Ingress"):
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                service = path["backend"]["service"]
                yield ingress, {"name": service["name"], "port": service["port"]["name"]}


@check
def routes_lead_to_the_webhook_and_the_services_alone(manifest: Manifest) -> Iterator[str]:
    for route, backend in backends(manifest):
        service = manifest.find("Service", backend["name"])
        ports: list[Any] = [] if service is None else [p[k] for p in service["spec"]["ports"] for k in ("port", "name")]
        if backend["port"] not in ports:
            yield f"{route['kind']} {route['metadata']['name']}: no service {backend['name']}:{backend['port']}"
    webhook = manifest.get("ConfigMap", "gateway")["data"]["GATEWAY_WEBHOOK_PATH"]
    for route, kind, path in _paths(manifest):
        if (kind, path) != ("Exact", webhook):
            yield f"{route}: leads more than GATEWAY_WEBHOOK_PATH, or another path, to the gateway: {kind} {path}"
    allowed = {"telefact.store.v1.ReadService", "telefact.gateway.v1.PublishService"}
    for route in manifest.of("GRPCRoute"):
        for rule in route["spec"]["rules"]:
            services = {match["method"].get("service") for match in rule.get("matches", [{"method": {}}])}
            if not services <= allowed:
                yield f"GRPCRoute {route['metadata']['name']}: leads to {services - allowed}"


def _paths(manifest: Manifest) -> Iterator[tuple[str, str, str]]:
    for route in manifest.of("HTTPRoute"):
        for rule in route["spec"]["rules"]:
            for match in rule.get("matches", [{}]):
                path = match.get("path", {"type": "PathPrefix", "value": "/"})
                yield f"HTTPRoute {route['metadata']['name']}", path["type"], path["value"]
    for ingress in manifest.of("Ingress"):
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                yield f"Ingress {ingress['metadata']['name']}", path["pathType"], path["path"]


@check
def budgets_keep_pods_and_let_nodes_go(manifest: Manifest) -> Iterator[str]:
    for workload in manifest.workloads("Deployment"):
        budgets = [each for each in manifest.of("PodDisruptionBudget")
                   if manifest.selected(each["spec"]["selector"], [workload])]
        if len(budgets) != 1:
            yield f"{workload.name}: has {len(budgets)} budgets, not one"  # two refuse every eviction
        for budget in budgets:
            spec, (fewest, _) = budget["spec"], manifest.counts(workload)
            allowed = spec["maxUnavailable"] if "maxUnavailable" in spec else fewest - spec["minAvailable"]
            if not isinstance(allowed, int) or allowed < 1:
                yield f"{workload.name}: its budget lets no node be drained"
            if spec.get("unhealthyPodEvictionPolicy") != "AlwaysAllow":
                yield f"{workload.name}: a pod that is not ready keeps its node"
        rolling = workload.object["spec"].get("strategy", {}).get("rollingUpdate", {})
        if rolling.get("maxUnavailable") != 0:
            yield f"{workload.name}: a roll-out takes pods away before new ones are ready"


@check
def one_scaler_owns_a_count(manifest: Manifest) -> Iterator[str]:
    for workload in manifest.workloads("Deployment"):
        scalers = manifest.scalers(workload.name)
        if len(scalers) > 1:
            yield f"{workload.name}: {' and '.join(each['kind'] for each in scalers)} scale it"
        if scalers and "replicas" in workload.object["spec"]:
            yield f"{workload.name}: every apply undoes its scaler"
        fewest, most = manifest.counts(workload)
        if not 1 <= fewest <= most:
            yield f"{workload.name}: {fewest} to {most} pods"
    for scaler in manifest.of("HorizontalPodAutoscaler", "ScaledObject"):
        if manifest.find("Deployment", scaler["spec"]["scaleTargetRef"]["name"]) is None:
            yield f"{scaler['kind']} {scaler['metadata']['name']} scales nothing"


@check
def images_are_pinned(manifest: Manifest) -> Iterator[str]:
    for workload in manifest.workloads():
        image = workload.container["image"]
        if not re.search(r":(?!latest$)[\w.-]+$|@sha256:[0-9a-f]{64}$", image):
            yield f"{workload.name}: {image} may be another one tomorrow"
        if re.split(r"[:@]", image.rpartition("/")[2])[0] != workload.program:
            yield f"{workload.name}: {image} is not {workload.program}"
