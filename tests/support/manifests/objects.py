"""Rendered Kubernetes objects, and the questions that the checks ask of them."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
OURS = {"app.kubernetes.io/name": "telefact"}


@dataclass(frozen=True, slots=True)
class Workload:
    """Something that makes pods: a Deployment, a Job or a CronJob."""

    object: Object

    @property
    def kind(self) -> str:
        return str(self.object["kind"])

    @property
    def name(self) -> str:
        return str(self.object["metadata"]["name"])

    @property
    def template(self) -> Object:
        spec = self.object["spec"]
        return spec["jobTemplate"]["spec"]["template"] if self.kind == "CronJob" else spec["template"]

    @property
    def labels(self) -> Mapping[str, str]:
        """Of its pods."""
        return self.template["metadata"].get("labels", {})

    @property
    def component(self) -> str:
        return self.labels.get("app.kubernetes.io/component", "")

    @property
    def pod(self) -> Object:
        return self.template["spec"]

    @property
    def container(self) -> Object:
        """Each pod of ours has one."""
        return self.pod["containers"][0]

    @property
    def containers(self) -> list[Object]:
        return [*self.pod.get("initContainers", []), *self.pod["containers"]]

    @property
    def program(self) -> str:
        """telefact-gateway or telefact-store."""
        return str(self.container["command"][0]).rpartition("/")[2]

    @property
    def grace_s(self) -> int:
        return int(self.pod.get("terminationGracePeriodSeconds", 30))

    @property
    def pre_stop_s(self) -> int:
        return int(self.container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0))

    def ports(self) -> dict[str, int]:
        """{name: number} of its container."""
        return {each["name"]: each["containerPort"] for each in self.container.get("ports", [])}

    def probes(self) -> dict[str, Object]:
        """{kind of probe: its httpGet}."""
        kinds = ("startupProbe", "readinessProbe", "livenessProbe")
        return {kind: self.container[kind]["httpGet"] for kind in kinds if kind in self.container}

    def volume(self, name: str) -> Object | None:
        return next((each for each in self.pod.get("volumes", []) if each["name"] == name), None)


class Manifest:
    """All objects of one rendering. Checks read it; planted faults change a copy."""

    def __init__(self, objects: Iterable[Object]) -> None:
        self.objects = [each for each in objects if each]

    def copy(self) -> Manifest:
        return Manifest(copy.deepcopy(self.objects))

    def of(self, *kinds: str) -> list[Object]:
        return [each for each in self.objects if each["kind"] in kinds]

    def find(self, kind: str, name: str) -> Object | None:
        return next((each for each in self.of(kind) if each["metadata"]["name"] == name), None)

    def get(self, kind: str, name: str) -> Object:
        """One that must be there. Generated ConfigMaps go by the name before their hash."""
        for each in self.of(kind):
            found = each["metadata"]["name"]
            if found == name or (kind == "ConfigMap" and found.rpartition("-")[0] == name):
                return each
        raise AssertionError(f"no {kind} {name}")

    def remove(self, kind: str, name: str) -> None:
        self.objects.remove(self.get(kind, name))

    @property
    def namespace(self) -> str:
        (found,) = self.of("Namespace")
        return str(found["metadata"]["name"])

    def workloads(self, *kinds: str) -> list[Workload]:
        return [Workload(each) for each in self.of(*(kinds or ("Deployment", "Job", "CronJob")))]

    def workload(self, name: str) -> Workload:
        return next(each for each in self.workloads() if each.name == name)

    def selected(self, selector: Object, workloads: Iterable[Workload] | None = None) -> list[Workload]:
        """Whose pods a label selector (or a Service's plain one) chooses."""
        chosen = self.workloads() if workloads is None else workloads
        return [each for each in chosen if matches(selector, each.labels)]

    def environment(self, workload: Workload) -> dict[str, str]:
        """What its program sees, without the machine's own variables."""
        found: dict[str, str] = {}
        for source in workload.container.get("envFrom", []):
            config = self.find("ConfigMap", source["configMapRef"]["name"])
            found |= config["data"] if config else {}
        for each in workload.container.get("env", []):
            found[each["name"]] = str(each.get("value", ""))
        return found

    def counts(self, deployment: Workload) -> tuple[int, int]:
        """Fewest and most pods."""
        for scaler in self.scalers(deployment.name):
            spec = scaler["spec"]
            if scaler["kind"] == "ScaledObject":
                return int(spec.get("minReplicaCount", 0)), int(spec.get("maxReplicaCount", 100))
            return int(spec.get("minReplicas", 1)), int(spec["maxReplicas"])
        count = int(deployment.object["spec"].get("replicas", 1))
        return count, count

    def scalers(self, deployment: str) -> list[Object]:
        kinds = self.of("HorizontalPodAutoscaler", "ScaledObject")
        return [each for each in kinds if each["spec"]["scaleTargetRef"]["name"] == deployment]

    def policies(self, workload: Workload, direction: str) -> Iterator[Object]:
        """Network policies ("Ingress", "Egress") that hold for its pods."""
        for each in self.of("NetworkPolicy"):
            if direction in each["spec"]["policyTypes"] and matches(each["spec"]["podSelector"], workload.labels):
                yield each


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether labels are chosen by a Service's selector or a LabelSelector (matchLabels, In)."""
    plain = {key: value for key, value in selector.items() if key not in ("matchLabels", "matchExpressions")}
    wanted = {**plain, **selector.get("matchLabels", {})}
    for each in selector.get("matchExpressions", []):
        assert each["operator"] == "In", "only In is understood here"
        if labels.get(each["key"]) not in each["values"]:
            return False
    return all(labels.get(key) == value for key, value in wanted.items())
