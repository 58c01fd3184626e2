"""An overlay of deploy/k8s on a cluster: rendered and applied by kubectl, as its users do, and asked how it fares."""

from __future__ import annotations

import http
import json
import os
import subprocess
import urllib.parse
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from deploy.local import process
from tests.certify.cluster_servers import Cluster, Object, has_condition

K8S = Path(__file__).resolve().parents[2] / "deploy" / "k8s"
OVERLAYS = sorted(path.name for path in (K8S / "overlays").iterdir())
REST = "rest"  # the base with the components that no overlay has
SETTLED_S = 120


def relative(folder: Path, here: Path) -> str:
    """How a kustomization in the folder `here` names another: it takes relative paths alone."""
    return os.path.relpath(folder, os.path.realpath(here))


def write_kustomization(here: Path, content: Object) -> Path:
    here.mkdir(exist_ok=True)
    text = yaml.safe_dump({"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", **content})
    (here / "kustomization.yaml").write_text(text)
    return here


def folder_of(name: str, scratch: Path) -> Path:
    """An overlay's folder; for REST one that is written into `scratch`."""
    if name != REST:
        return K8S / "overlays" / name
    used = {Path(component).name for overlay in OVERLAYS for component in _kustomization(overlay)["components"]}
    rest = sorted(each for each in (K8S / "components").iterdir() if each.name not in used)
    return write_kustomization(scratch, {
        "namespace": "telefact-rest",
        "resources": [relative(K8S / "base", scratch)],
        "components": [relative(each, scratch) for each in rest],
    })


def _kustomization(overlay: str) -> Object:
    return dict(yaml.safe_load((K8S / "overlays" / overlay / "kustomization.yaml").read_text()))


@dataclass(frozen=True, slots=True)
class Count:
    """Pods of a Deployment at one moment: those that stay, and those of them that are ready."""

    active: int
    ready: int


class Overlay:
    """`objects` is what it renders to; applying is the caller's."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster = cluster
        self.folder = folder
        text = cluster.done("kustomize", str(folder))
        self.objects: list[Object] = [item for item in yaml.safe_load_all(text) if item]
        (self.namespace,) = (item["metadata"]["name"] for item in self.of("Namespace"))

    def of(self, kind: str) -> list[Object]:
        return [item for item in self.objects if item["kind"] == kind]

    def apply(self, folder: Path | None = None, force: bool = False) -> str:
        """Returns what kubectl warns of. With `force` it takes back what others have changed."""
        ended = self.try_apply(folder, force)
        assert ended.returncode == 0, ended.stderr
        return ended.stderr

    def try_apply(self, folder: Path | None = None, force: bool = False) -> subprocess.CompletedProcess[str]:
        """Another folder may render to a later state of the same objects."""
        return self.cluster.kubectl("apply", "--server-side", "--validate=strict", f"--force-conflicts={force}".lower(),
                                    "-k", str(folder or self.folder))

    def restore(self) -> None:
        """Undo what a test has changed."""
        self.apply(force=True)
        self.settle()

    def delete(self) -> None:
        """Its namespace, and so all that is in it."""
        path = f"/api/v1/namespaces/{self.namespace}"
        self.cluster.api.request("DELETE", path)
        self.wait(lambda: self.cluster.api.request("GET", path).status == http.HTTPStatus.NOT_FOUND, "it is deleted")

    def live(self, kind: str) -> dict[str, Object]:
        """{name: object as it is now}, of those that it renders to."""
        some = self.of(kind)
        if not some:
            return {}
        names = {item["metadata"]["name"] for item in some}
        items = self.cluster.api.get(self.cluster.api.path_of(some[0]))["items"]
        return {item["metadata"]["name"]: item for item in items if item["metadata"]["name"] in names}

    def wishes(self) -> dict[str, Object]:
        """What stands there, without what controllers and the server note of it."""
        text = self.cluster.done("get", "-k", str(self.folder), "-o", "json")
        found = {}
        for item in json.loads(text)["items"]:
            item.pop("status", None)
            del item["metadata"]["resourceVersion"]
            found[f"{item['kind']} {item['metadata']['name']}"] = item
        return found

    def wait(self, condition: Callable[[], Any], what: str) -> None:
        if not process.wait_until(condition, SETTLED_S, 0.1):
            pods = self.cluster.done("get", "pods,deployments,jobs", "-n", self.namespace, "-o", "wide")
            events = self.cluster.done("get", "events", "-n", self.namespace)
            raise AssertionError(f"{self.namespace}: not so after {SETTLED_S} s: {what}\n{pods}\n{events[-4000:]}")

    def settle(self) -> None:
        """Until everything has rolled out, with as many pods as whoever scales wants."""
        for scaled in self.of("ScaledObject"):  # KEDA is not here, so this is its part
            self.scale(scaled["spec"]["scaleTargetRef"]["name"], scaled["spec"]["minReplicaCount"])
        for scaler in self.of("HorizontalPodAutoscaler"):
            name, least = scaler["spec"]["scaleTargetRef"]["name"], scaler["spec"]["minReplicas"]
            self.wait(lambda: self.live("Deployment")[name]["spec"]["replicas"] >= least, f"{name} has {least}")
        for name in self.live("Deployment"):
            self.wait(lambda: self.has_rolled_out(name), f"{name} has rolled out")

    def scale(self, deployment: str, count: int) -> None:
        self.cluster.api.patch(f"{self.path('Deployment', deployment)}/scale", {"spec": {"replicas": count}})

    def path(self, kind: str, name: str) -> str:
        """Of the API, to an object that it renders to."""
        return f"{self.cluster.api.path_of(self.of(kind)[0])}/{name}"

    def has_rolled_out(self, deployment: str) -> bool:
        found = self.live("Deployment")[deployment]
        wanted, status = found["spec"]["replicas"], found["status"]
        return (status.get("observedGeneration") == found["metadata"]["generation"]
                and len(self.pods(deployment)) == wanted
                and all(status.get(each) == wanted for each in ("replicas", "updatedReplicas", "availableReplicas")))

    def pods(self, deployment: str) -> list[Object]:
        """Those of the Deployment, also those that are going."""
        path = f"/api/v1/namespaces/{self.namespace}/pods?labelSelector={self._selector(deployment)}"
        return list(self.cluster.api.get(path)["items"])

    def observe(self, deployment: str, change: Callable[[], Any], until: Callable[[list[Object]], bool]) -> list[Count]:
        """Make the change and count pods at each of their events, until those that stay are as wanted."""
        pods: dict[str, Object] = {}
        counts: list[Count] = []
        before = len(self.pods(deployment))
        events = self.cluster.api.watch(f"/api/v1/namespaces/{self.namespace}/pods",
                                        f"labelSelector={self._selector(deployment)}")
        for seen, event in enumerate(events, start=1):
            pod = event["object"]
            pods.pop(pod["metadata"]["name"], None)
            if event["type"] != "DELETED":
                pods[pod["metadata"]["name"]] = pod
            if seen == before:
                change()
            if seen > before:
                active = _staying(pods.values())
                counts.append(Count(len(active), sum(has_condition(each, "Ready") for each in active)))
                if len(active) == len(pods) and until(active):
                    return counts
        raise AssertionError(f"{deployment}: the change did not come about: {counts}")

    def _selector(self, deployment: str) -> str:
        (found,) = (item for item in self.of("Deployment") if item["metadata"]["name"] == deployment)
        labels = found["spec"]["selector"]["matchLabels"]
        return urllib.parse.quote(",".join(f"{key}={value}" for key, value in labels.items()))


def _staying(pods: Iterable[Object]) -> list[Object]:
    return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
