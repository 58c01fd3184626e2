"""A Kubernetes cluster without machines: etcd, the API server, the scheduler and the controllers as they are, and kwok
in the place of kubelets, whose pods are ready, done or gone as soon as they should be. Everything is on loopback.

    with Cluster(folder) as cluster:
        cluster.kubectl("get", "nodes")
        cluster.api.get("/api/v1/nodes")
"""

from __future__ import annotations

import http.client
import json
import os
import secrets
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from deploy.local import process

Object = dict[str, Any]

TOOLS = Path(__file__).resolve().parents[2] / ".cache" / "cluster"
ZONES = ("zone-a", "zone-b", "zone-c")
NODES_PER_ZONE = 2
READY_S = 180  # so long on a busy machine only
WATCH_S = 120
_FLAGS = {
    "etcd": {
        "data-dir": "{folder}/etcd",
        "listen-client-urls": "http://127.0.0.1:{etcd}",
        "advertise-client-urls": "http://127.0.0.1:{etcd}",
        "listen-peer-urls": "http://127.0.0.1:{peer}",
        "initial-advertise-peer-urls": "http://127.0.0.1:{peer}",
        "initial-cluster": "default=http://127.0.0.1:{peer}",
        "unsafe-no-fsync": "true",
    },
    "kube-apiserver": {
        "etcd-servers": "http://127.0.0.1:{etcd}",
        "bind-address": "127.0.0.1",
        "advertise-address": "127.0.0.1",
        "secure-port": "{api}",
        "cert-dir": "{folder}/certificates",
        "token-auth-file": "{folder}/tokens.csv",
        "authorization-mode": "RBAC",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": "{folder}/accounts.key",
        "service-account-signing-key-file": "{folder}/accounts.key",
        "service-cluster-ip-range": "10.0.0.0/16",
        "endpoint-reconciler-type": "none",  # no endpoint may be on loopback
    },
    "kube-controller-manager": {
        "kubeconfig": "{folder}/kubeconfig",
        "leader-elect": "false",
        "secure-port": "0",
        "service-account-private-key-file": "{folder}/accounts.key",
        "root-ca-file": "{folder}/certificates/apiserver.crt",
        "horizontal-pod-autoscaler-sync-period": "2s",
    },
    "kube-scheduler": {"kubeconfig": "{folder}/kubeconfig", "leader-elect": "false", "secure-port": "0"},
    "kwok": {
        "kubeconfig": "{folder}/kubeconfig",
        "config": "{folder}/stages.yaml",
        "manage-all-nodes": "true",
        "node-lease-duration-seconds": "40",
        "server-address": "127.0.0.1:{kwok}",
    },
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API server said."""

    status: int
    body: Object


class Api:
    """Plain requests to the API server, as its administrator or in the name of another user."""

    def __init__(self, port: int, token: str, authority: Path) -> None:
        self._port = port
        self._token = token
        self._tls = ssl.create_default_context(cafile=str(authority))

    def request(self, method: str, path: str, body: Object | None = None, user: str = "", kind: str = "json") -> Answer:
        """`kind` is the content type: json, merge-patch+json, …"""
        connection = self._connect()
        try:
            answer = self._ask(connection, method, path, body, user, kind)
            return Answer(answer.status, json.loads(answer.read()))
        finally:
            connection.close()

    def get(self, path: str) -> Object:
        """What stands there; a refusal is an error."""
        answer = self.request("GET", path)
        assert answer.status == http.HTTPStatus.OK, f"GET {path}: {answer.body.get('message')}"
        return answer.body

    def patch(self, path: str, body: Object) -> Object:
        """Merge into what stands there; a refusal is an error."""
        answer = self.request("PATCH", path, body, kind="merge-patch+json")
        assert answer.status == http.HTTPStatus.OK, f"PATCH {path}: {answer.body.get('message')}"
        return answer.body

    def path_of(self, item: Object) -> str:
        """Where objects of its kind stand: in its namespace, if it has one."""
        version = item["apiVersion"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        (plural,) = (each["name"] for each in self.get(root)["resources"]
                     if each["kind"] == item["kind"] and "/" not in each["name"])
        namespace = item["metadata"].get("namespace")
        return f"{root}/namespaces/{namespace}/{plural}" if namespace else f"{root}/{plural}"

    def watch(self, path: str, query: str) -> Iterator[Object]:
        """The events of a list from now on: first ADDED for what is there. Ends after WATCH_S."""
        connection = self._connect()
        try:
            answer = self._ask(connection, "GET", f"{path}?watch=1&timeoutSeconds={WATCH_S}&{query}", None, "", "json")
            assert answer.status == http.HTTPStatus.OK, f"watch {path}: {answer.read()!r}"
            for line in answer:
                yield json.loads(line)
        finally:
            connection.close()

    def is_ready(self) -> bool:
        connection = self._connect()
        try:
            return self._ask(connection, "GET", "/readyz", None, "", "json").status == http.HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()

    def _connect(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection("127.0.0.1", self._port, context=self._tls, timeout=WATCH_S)

    def _ask(self, connection: http.client.HTTPSConnection, method: str, path: str, body: Object | None, user: str,
             kind: str) -> http.client.HTTPResponse:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": f"application/{kind}"}
        if user:
            headers["Impersonate-User"] = user
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        return connection.getresponse()


class Cluster:
    """Its servers, and the tools that ask them. Logs are in `folder`, one for each server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ports = dict(zip(("etcd", "peer", "api", "kwok"), process.free_ports(4)))
        self._token = secrets.token_hex(16)
        self._running: dict[str, Object] = {}

    @property
    def api(self) -> Api:
        return Api(self._ports["api"], self._token, self._authority)

    def __enter__(self) -> Cluster:
        try:
            self._prepare()
            self._launch("etcd")
            self._launch("kube-apiserver")
            self._wait("kube-apiserver", lambda: self._authority.exists() and self.api.is_ready())
            self._write_kubeconfig()
            for name in ("kube-controller-manager", "kube-scheduler", "kwok"):
                self._launch(name)
            self._add_nodes()
            self._wait("kwok", self._nodes_are_ready)
            self._wait("kube-controller-manager", self._accounts_are_made)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop()

    def kubectl(self, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl as the administrator, `text` at its stdin; what it says and how it ended is the caller's."""
        return subprocess.run([str(TOOLS / "bin" / "kubectl"), *arguments], input=text, capture_output=True, text=True,
                              check=False, env=self._environment())

    def done(self, *arguments: str, text: str | None = None) -> str:
        """What kubectl prints; that it fails is an error."""
        ended = self.kubectl(*arguments, text=text)
        assert ended.returncode == 0, f"kubectl {' '.join(arguments)}: {ended.stderr}"
        return ended.stdout

    def shell(self, script: str) -> None:
        """Run commands as a person would, each of which must succeed."""
        ended = subprocess.run(["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, check=False,
                               env=self._environment())
        assert ended.returncode == 0, ended.stderr

    def _environment(self) -> Mapping[str, str]:
        return {
            "PATH": f"{TOOLS / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.folder),  # kubectl keeps there what it learns of the server
            "KUBECONFIG": str(self.folder / "kubeconfig"),
        }

    @property
    def _authority(self) -> Path:
        """The server's own certificate, which it makes at its first start, with the authority that signed it."""
        return self.folder / "certificates" / "apiserver.crt"

    def _prepare(self) -> None:
        assert TOOLS.is_dir(), f"{TOOLS} is missing: run ./dev certify cluster"
        (self.folder / "tokens.csv").write_text(f'{self._token},admin,admin,"system:masters"\n')
        (self.folder / "stages.yaml").write_text(
            "\n---\n".join(path.read_text() for path in sorted((TOOLS / "stages").iterdir())))
        subprocess.run(["openssl", "genrsa", "-out", str(self.folder / "accounts.key"), "2048"],
                       check=True, capture_output=True)

    def _write_kubeconfig(self) -> None:
        (self.folder / "kubeconfig").write_text(json.dumps({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "it", "cluster": {
                "server": f"https://127.0.0.1:{self._ports['api']}", "certificate-authority": str(self._authority)}}],
            "users": [{"name": "admin", "user": {"token": self._token}}],
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "admin"}}],
            "current-context": "it",
        }))

    def _launch(self, name: str) -> None:
        filled = {flag: value.format(folder=self.folder, **self._ports) for flag, value in _FLAGS[name].items()}
        argv = [str(TOOLS / "bin" / name), *(f"--{flag}={value}" for flag, value in filled.items())]
        self._running[name] = process.spawn(argv, str(self._log(name)), str(self.folder))

    def _wait(self, name: str, condition: Any) -> None:
        def is_so() -> bool:
            for each, running in self._running.items():
                assert process.is_running(running), f"{each} ended\n{process.tail(self._log(each))}"
            return bool(condition())

        assert process.wait_until(is_so, READY_S, 0.1), f"{name} is not ready\n{process.tail(self._log(name))}"

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _add_nodes(self) -> None:
        room = {"cpu": "8", "memory": "16Gi", "pods": "110", "ephemeral-storage": "100Gi"}
        for zone in ZONES:
            for number in range(NODES_PER_ZONE):
                labels = {"topology.kubernetes.io/zone": zone, "kubernetes.io/hostname": f"{zone}-{number}"}
                answer = self.api.request("POST", "/api/v1/nodes", {
                    "apiVersion": "v1",
                    "kind": "Node",
                    "metadata": {"name": f"{zone}-{number}", "labels": labels},
                    "status": {"capacity": room, "allocatable": room},
                })
                assert answer.status == http.HTTPStatus.CREATED, answer.body

    def _nodes_are_ready(self) -> bool:
        nodes = self.api.get("/api/v1/nodes")["items"]
        return all(has_condition(node, "Ready") and not node["spec"].get("taints") for node in nodes)

    def _accounts_are_made(self) -> bool:
        path = "/api/v1/namespaces/default/serviceaccounts/default"
        return self.api.request("GET", path).status == http.HTTPStatus.OK

    def _stop(self) -> None:
        for name in reversed(self._running):  # etcd last, or the others wait for it
            process.end(self._running[name])
        self._running = {}


def has_condition(item: Object, kind: str) -> bool:
    """Does its status say that this is so?"""
    conditions = item.get("status", {}).get("conditions", [])
    return any(each["type"] == kind and each["status"] == "True" for each in conditions)
