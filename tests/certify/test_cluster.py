"""Every overlay of deploy/k8s on a real Kubernetes (API server, scheduler, controllers) with operators' definitions."""

from __future__ import annotations

import copy
import http
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.certify.cluster_overlay import K8S, OVERLAYS, REST, Count, Overlay, folder_of, relative, write_kustomization
from tests.certify.cluster_servers import TOOLS, ZONES, Answer, Cluster, Object, has_condition

pytestmark = pytest.mark.timeout(900)  # of a busy machine: each waits for what it waits for

MANY = 3
OPERATORS_SECRETS = ("kafka-", "telefact-cluster-ca-cert", "database-ca")
OTHER_IMAGE = "telefact-other:1"
WRONG_VALUES = {
    "ConfigMap": (("data",), {"NUMBER": 1}),
    "Deployment": (("spec", "progressDeadlineSeconds"), "some"),
    "ExternalSecret": (("spec", "refreshInterval"), 5),
    "GRPCRoute": (("spec", "rules", 0, "backendRefs", 0, "port"), 123456),
    "HTTPRoute": (("spec", "rules", 0, "matches", 0, "method"), "FETCH"),
    "HorizontalPodAutoscaler": (("spec", "minReplicas"), 0),
    "Job": (("spec", "template", "spec", "restartPolicy"), "Always"),
    "Kafka": (("spec", "kafka", "listeners", 0, "port"), 80),
    "KafkaNodePool": (("spec", "roles"), ["king"]),
    "KafkaTopic": (("spec", "partitions"), 0),
    "KafkaUser": (("spec", "authentication", "type"), "word"),
    "NetworkPolicy": (("spec", "policyTypes"), ["Sideways"]),
    "PodDisruptionBudget": (("spec", "maxUnavailable"), "half"),
    "ScaledObject": (("spec", "maxReplicaCount"), "twelve"),
    "Service": (("spec", "ports", 0, "port"), 0),
}
UNSAFE = {
    "allowPrivilegeEscalation": lambda pod: pod["containers"][0]["securityContext"].pop("allowPrivilegeEscalation"),
    "runAsNonRoot": lambda pod: pod["securityContext"].pop("runAsNonRoot"),
    "seccompProfile": lambda pod: pod["securityContext"].pop("seccompProfile"),
    "unrestricted capabilities": lambda pod: pod["containers"][0]["securityContext"].pop("capabilities"),
    "host namespaces": lambda pod: pod.update(hostNetwork=True),
    "restricted volume types": lambda pod: pod.setdefault("volumes", []).append({"name": "host", "hostPath": {"path": "/"}}),
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="telefact-cluster."))
    with Cluster(folder) as cluster:
        yield cluster
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def definitions(cluster: Cluster) -> list[Object]:
    """Those that operators would bring."""
    for folder in sorted((TOOLS / "definitions").iterdir()):
        cluster.done("apply", "--server-side", "-f", f"{folder}/")
    cluster.done("wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")
    return list(cluster.api.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")["items"])


class Installed(Overlay):
    """An overlay that was applied to the empty cluster and has rolled out."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        super().__init__(cluster, folder)
        self.before = cluster_wide(cluster)
        self.said = self.apply()
        self.settle()


@pytest.fixture(scope="module", params=[*OVERLAYS, REST])
def installed(request: pytest.FixtureRequest, cluster: Cluster, definitions: list[Object],
              tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    overlay = Installed(cluster, folder_of(request.param, tmp_path_factory.mktemp("overlay")))
    yield overlay
    overlay.delete()


def cluster_wide(cluster: Cluster) -> set[str]:
    """The names of all that is in no namespace."""
    kinds = cluster.done("api-resources", "--namespaced=false", "--verbs=list", "-o", "name").split()
    return set(cluster.done("get", ",".join(kinds), "-o", "name").split())


def test_all_definitions_are_taken(definitions: list[Object]) -> None:
    files = [path for folder in (TOOLS / "definitions").iterdir() for path in folder.iterdir()]
    assert len(definitions) == len(files)
    for definition in definitions:
        assert has_condition(definition, "Established"), definition["metadata"]["name"]
        assert not has_condition(definition, "NonStructuralSchema"), definition["metadata"]["name"]


def test_it_is_taken_without_a_warning(installed: Installed) -> None:
    assert installed.said == ""


def test_applied_again_it_changes_nothing(installed: Installed) -> None:
    before = installed.wishes()
    assert len(before) == len(installed.objects)
    assert installed.apply() == ""
    assert installed.wishes() == before, "whoever scales and whoever applies undo each other"


def test_each_kind_is_judged(installed: Installed) -> None:
    """What is right is taken; the same with an unknown field, or with a wrong value, is not."""
    judged = set()
    for item in {item["kind"]: item for item in installed.objects}.values():
        assert create(installed, item).status == http.HTTPStatus.CREATED
        unknown = copy.deepcopy(item)
        unknown.get("spec", unknown)["telefactUnknown"] = 1
        answer = create(installed, unknown)
        assert answer.status == http.HTTPStatus.BAD_REQUEST, item["kind"]
        assert "telefactUnknown" in answer.body["message"], item["kind"]
        if item["kind"] in WRONG_VALUES:
            judged.add(item["kind"])
            answer = create(installed, with_value(item, *WRONG_VALUES[item["kind"]]))
            assert answer.status in (http.HTTPStatus.BAD_REQUEST, http.HTTPStatus.UNPROCESSABLE_ENTITY), item["kind"]
    assert {"ConfigMap", "Deployment", "Job", "PodDisruptionBudget", "Service"} <= judged


def create(installed: Installed, item: Object) -> Answer:
    """Try it, under a name that nothing has."""
    item = copy.deepcopy(item)
    item["metadata"]["name"] += "-tried"
    path = installed.cluster.api.path_of(item)
    return installed.cluster.api.request("POST", f"{path}?dryRun=All&fieldValidation=Strict", item)


def with_value(item: Object, path: tuple[str | int, ...], value: object) -> Object:
    changed = copy.deepcopy(item)
    place = changed
    for step in path[:-1]:
        place = place[step]
    assert path[-1] in place
    place[path[-1]] = value
    return changed


def test_pods_are_ready_and_apart(installed: Installed) -> None:
    nodes = {node["metadata"]["name"]: node["metadata"]["labels"]["topology.kubernetes.io/zone"]
             for node in installed.cluster.api.get("/api/v1/nodes")["items"]}
    for name, deployment in installed.live("Deployment").items():
        pods = installed.pods(name)
        wanted = deployment["spec"]["replicas"]
        assert sum(has_condition(pod, "Ready") for pod in pods) == wanted
        on = [pod["spec"]["nodeName"] for pod in pods]
        assert len(set(on)) == wanted
        assert len({nodes[each] for each in on}) == min(wanted, len(ZONES))


def test_services_lead_to_all_ready_pods(installed: Installed) -> None:
    path = f"/apis/discovery.k8s.io/v1/namespaces/{installed.namespace}/endpointslices"
    slices = {each["metadata"]["labels"]["kubernetes.io/service-name"]: each
              for each in installed.cluster.api.get(path)["items"]}
    ours = {port["containerPort"] for item in installed.of("Deployment")
            for port in item["spec"]["template"]["spec"]["containers"][0]["ports"]}
    for name, service in installed.live("Service").items():
        found = slices[name]
        component = service["spec"]["selector"]["app.kubernetes.io/component"]
        assert {each["targetRef"]["name"] for each in found["endpoints"] if each["conditions"]["ready"]} \
            == {pod["metadata"]["name"] for pod in installed.pods(component)}
        assert len(found["ports"]) == len(service["spec"]["ports"])
        assert {port["port"] for port in found["ports"]} <= ours


def test_another_image_rolls_and_never_fewer_are_ready(installed: Installed) -> None:
    for name, deployment in installed.live("Deployment").items():
        wanted = deployment["spec"]["replicas"]
        counts = installed.observe(name, lambda: change_container(installed, name, {"image": OTHER_IMAGE}),
                                   lambda pods: len(pods) == wanted and all(is_of_other_image(pod) for pod in pods))
        assert min(count.ready for count in counts) == wanted
        assert max(count.active for count in counts) == wanted + 1
    installed.restore()


def test_pods_that_never_get_ready_take_none_away(installed: Installed) -> None:
    """They ask for more than any node has and wait for ever, as those whose image cannot be pulled do."""
    for name, deployment in installed.live("Deployment").items():
        wanted = deployment["spec"]["replicas"]
        change = {"resources": {"requests": {"cpu": "1000"}}}
        counts = installed.observe(name, lambda: change_container(installed, name, change),
                                   lambda pods: any(is_unschedulable(pod) for pod in pods))
        assert counts[-1] == Count(active=wanted + 1, ready=wanted)
        assert min(count.ready for count in counts) == wanted
    installed.restore()


def change_container(installed: Installed, deployment: str, change: Object) -> None:
    """Of the one container; a strategic merge finds it by its name."""
    name = installed.live("Deployment")[deployment]["spec"]["template"]["spec"]["containers"][0]["name"]
    patch = {"spec": {"template": {"spec": {"containers": [{"name": name, **change}]}}}}
    path = installed.path("Deployment", deployment)
    answer = installed.cluster.api.request("PATCH", path, patch, kind="strategic-merge-patch+json")
    assert answer.status == http.HTTPStatus.OK, answer.body


def is_of_other_image(pod: Object) -> bool:
    return pod["spec"]["containers"][0]["image"] == OTHER_IMAGE and has_condition(pod, "Ready")


def is_unschedulable(pod: Object) -> bool:
    return any(each.get("reason") == "Unschedulable" for each in pod.get("status", {}).get("conditions", []))


def test_the_way_to_another_version(installed: Installed, tmp_path: Path) -> None:
    """As README.md has it: a Job cannot be changed, so the one before goes first."""
    images = {pod["containers"][0]["image"].partition(":")[0].partition("@")[0] for pod in pods_of(installed)}
    later = write_kustomization(tmp_path / "later", {
        "resources": [relative(installed.folder, tmp_path / "later")],
        "images": [{"name": image, "newTag": "later", "digest": ""} for image in sorted(images)],
    })
    refused = installed.try_apply(later)
    assert refused.returncode != 0 and "field is immutable" in refused.stderr
    for job in installed.live("Job"):
        installed.cluster.done("delete", "job", "-n", installed.namespace, job)
    assert installed.apply(later) == ""
    installed.settle()
    for name in installed.live("Deployment"):
        assert all(pod["spec"]["containers"][0]["image"].endswith(":later") for pod in installed.pods(name))
    for job in installed.live("Job"):
        installed.cluster.done("delete", "job", "-n", installed.namespace, job)
    installed.restore()


def pods_of(installed: Installed) -> list[Object]:
    """The specifications of all pods that it makes."""
    jobs = [item["spec"]["jobTemplate"] for item in installed.of("CronJob")]
    makers = [*installed.of("Deployment"), *installed.of("Job"), *jobs]
    return [maker["spec"]["template"]["spec"] for maker in makers]


def test_evictions_leave_all_but_one(installed: Installed) -> None:
    """201, then 429 while the first is not replaced; a pod that is not ready may always be evicted."""
    for name, deployment in installed.live("Deployment").items():
        installed.scale(name, max(MANY, deployment["spec"]["replicas"]))
    installed.wait(lambda: all(installed.has_rolled_out(name) and allowed(installed, name) == 1
                               for name in installed.live("Deployment")), "one may go")
    for name in installed.live("Deployment"):
        first, second, *_ = installed.pods(name)
        cordon(installed.cluster, True)
        assert evict(installed, first).status == http.HTTPStatus.CREATED
        assert evict(installed, second).status == http.HTTPStatus.TOO_MANY_REQUESTS
        installed.wait(lambda: any(is_unschedulable(pod) for pod in installed.pods(name)), "another one waits")
        (waiting,) = (pod for pod in installed.pods(name) if is_unschedulable(pod))
        assert evict(installed, waiting).status == http.HTTPStatus.CREATED
        assert evict(installed, second).status == http.HTTPStatus.TOO_MANY_REQUESTS
        cordon(installed.cluster, False)
        installed.wait(lambda: installed.has_rolled_out(name) and allowed(installed, name) == 1, "one may go again")
        assert evict(installed, second).status == http.HTTPStatus.CREATED
    installed.restore()


def allowed(installed: Installed, name: str) -> int:
    """How many pods may be evicted now."""
    budget = installed.live("PodDisruptionBudget")[name]
    return int(budget.get("status", {}).get("disruptionsAllowed", 0))


def cordon(cluster: Cluster, closed: bool) -> None:
    for node in cluster.api.get("/api/v1/nodes")["items"]:
        cluster.api.patch(f"/api/v1/nodes/{node['metadata']['name']}", {"spec": {"unschedulable": closed}})


def evict(installed: Installed, pod: Object) -> Answer:
    name = {each: pod["metadata"][each] for each in ("name", "namespace")}
    return installed.cluster.api.request(
        "POST", f"/api/v1/namespaces/{name['namespace']}/pods/{name['name']}/eviction",
        {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": name})


def test_pods_are_restricted(installed: Installed) -> None:
    """What we run is let in; the same with one thing that must not be, is not."""
    for spec in pods_of(installed):
        assert create(installed, pod_of(installed, spec)).status == http.HTTPStatus.CREATED
        for word, spoil in UNSAFE.items():
            unsafe = copy.deepcopy(spec)
            spoil(unsafe)
            answer = create(installed, pod_of(installed, unsafe))
            assert answer.status == http.HTTPStatus.FORBIDDEN, word
            assert "violates PodSecurity" in answer.body["message"] and word in answer.body["message"]


def pod_of(installed: Installed, spec: Object) -> Object:
    metadata = {"name": "pod", "namespace": installed.namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def test_accounts_may_do_nothing_and_pods_have_no_token(installed: Installed) -> None:
    def rules(account: str) -> list[str]:
        answer = installed.cluster.api.request(
            "POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
            {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview",
             "spec": {"namespace": installed.namespace}},
            user=f"system:serviceaccount:{installed.namespace}:{account}")
        assert answer.status == http.HTTPStatus.CREATED
        status = answer.body["status"]
        return sorted(json.dumps(rule, sort_keys=True) for rule in status["resourceRules"] + status["nonResourceRules"])

    nobody = rules("nobody")
    for account, found in installed.live("ServiceAccount").items():
        assert found["automountServiceAccountToken"] is False
        assert rules(account) == nobody
    used = {spec["serviceAccountName"] for spec in pods_of(installed)}
    assert used == installed.live("ServiceAccount").keys()
    account = min(used)
    installed.cluster.done("create", "rolebinding", "planted", "-n", installed.namespace, "--clusterrole=view",
                           f"--serviceaccount={installed.namespace}:{account}")
    installed.wait(lambda: rules(account) != nobody, "a right is noticed")
    pods = installed.cluster.api.get(f"/api/v1/namespaces/{installed.namespace}/pods")["items"]
    assert pods and not [volume for pod in pods for volume in pod["spec"].get("volumes", []) if "projected" in volume
                         and any("serviceAccountToken" in source for source in volume["projected"]["sources"])]


def test_secrets_are_made_as_the_readme_says(installed: Installed) -> None:
    """All that pods ask for is there, but for what the operators of Kafka and PostgreSQL make."""
    (script,) = re.findall(r"```sh\n(# secrets\.sh.*?)```", (K8S / "README.md").read_text(), re.DOTALL)
    installed.cluster.shell(re.sub(r"^NS=\S+", f"NS={installed.namespace}", script, count=1, flags=re.MULTILINE))
    there = installed.cluster.api.get(f"/api/v1/namespaces/{installed.namespace}/secrets")["items"]
    keys = {item["metadata"]["name"]: item["data"].keys() for item in there}
    asked = {volume["secret"]["secretName"]: {item["key"] for item in volume["secret"]["items"]}
             for spec in pods_of(installed) for volume in spec.get("volumes", []) if "secret" in volume}
    for name, wanted in asked.items():
        assert name.startswith(OPERATORS_SECRETS) or wanted <= keys.get(name, set()), name


def test_scalers_find_what_they_scale(installed: Installed) -> None:
    for name, scaler in installed.live("HorizontalPodAutoscaler").items():
        target = scaler["spec"]["scaleTargetRef"]["name"]
        installed.wait(lambda: has_condition(installed.live("HorizontalPodAutoscaler")[name], "AbleToScale"),
                       f"{name} can scale")
        assert scaler["spec"]["minReplicas"] <= installed.live("Deployment")[target]["spec"]["replicas"]
    scaled = [*installed.of("HorizontalPodAutoscaler"), *installed.of("ScaledObject")]
    targets = [item["spec"]["scaleTargetRef"]["name"] for item in scaled]
    assert len(targets) == len(set(targets)) and set(targets) <= installed.live("Deployment").keys()


def test_jobs_run_to_their_end(installed: Installed) -> None:
    for pattern in installed.of("CronJob"):
        assert pattern["spec"]["suspend"]
        installed.cluster.done("create", "job", "by-hand", "-n", installed.namespace,
                               f"--from=cronjob/{pattern['metadata']['name']}")
        installed.wait(lambda: has_condition(job(installed, "by-hand"), "Complete"), "a Job by hand is done")
    assert "migrate" in installed.live("Job")
    for name in installed.live("Job"):
        installed.wait(lambda: has_condition(job(installed, name), "Complete"), f"{name} is done")


@pytest.mark.parametrize(("code", "ends"), [(78, True), (1, False)])
def test_a_job_with_wrong_settings_is_not_tried_again(installed: Installed, code: int, ends: bool) -> None:
    """Its pod waits for a node, so the test can be its kubelet and say how it ended."""
    cordon(installed.cluster, True)
    try:
        planned = copy.deepcopy(next(item for item in installed.of("Job") if item["metadata"]["name"] == "migrate"))
        planned["metadata"]["name"] = f"exit-{code}"
        jobs = installed.cluster.api.path_of(planned)
        assert installed.cluster.api.request("POST", jobs, planned).status == http.HTTPStatus.CREATED
        pods = f"/api/v1/namespaces/{installed.namespace}/pods"
        mine = f"{pods}?labelSelector=batch.kubernetes.io/job-name={planned['metadata']['name']}"
        installed.wait(lambda: installed.cluster.api.get(mine)["items"], "its pod is made")
        (pod,) = installed.cluster.api.get(mine)["items"]
        installed.cluster.api.patch(f"{pods}/{pod['metadata']['name']}/status", {"status": ended(pod, code)})
        installed.wait(lambda: job(installed, f"exit-{code}")["status"].get("failed") == 1, "it has failed")
        assert has_condition(job(installed, f"exit-{code}"), "Failed") is ends
    finally:
        cordon(installed.cluster, False)
        installed.cluster.done("delete", "job", "-n", installed.namespace, f"exit-{code}")


def job(installed: Installed, name: str) -> Object:
    return installed.cluster.api.get(f"/apis/batch/v1/namespaces/{installed.namespace}/jobs/{name}")


def ended(pod: Object, code: int) -> Object:
    """The status of a pod whose one container ended so."""
    container = pod["spec"]["containers"][0]
    at = pod["metadata"]["creationTimestamp"]
    state = {"terminated": {"exitCode": code, "reason": "Error", "startedAt": at, "finishedAt": at}}
    status = {"name": container["name"], "image": container["image"], "imageID": "", "ready": False, "restartCount": 0}
    return {"phase": "Failed", "containerStatuses": [{**status, "state": state}]}


def test_without_its_namespace_nothing_of_it_is_left(installed: Installed) -> None:
    installed.delete()
    installed.wait(lambda: cluster_wide(installed.cluster) == installed.before, "nothing is left in no namespace")
    kinds = ",".join(installed.cluster.done("api-resources", "--verbs=list", "--namespaced", "-o", "name").split())
    ours = ("-A", "-l", "app.kubernetes.io/part-of=telefact")
    assert installed.cluster.done("get", kinds, *ours, "-o", "name") == ""
