"""deploy/k8s without a cluster: rendered by kustomize, judged by kube-score, by rules of ours and by the real programs.

Each rule is shown to object to faults that are planted into a copy of a rendering (planted.py).
"""

from __future__ import annotations

import functools
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.certify import planted
from tests.support.canary import RPC_TOKEN, SECRET, TOKEN
from tests.support.certificates import Authority
from tests.support.manifests import alive, network, programs, render, secrets, wiring
from tests.support.manifests.checks import CHECKS
from tests.support.manifests.objects import Manifest

ROOT = render.ROOT
BINARIES = ROOT / "build" / "release" / "bin"
KUBE_SCORE = render.CACHE / "kube-score-1.20.0" / "kube-score"

# What an overlay leaves out, each with what it stands on and in the overlays' order.
COMPONENTS = {
    "base": [],
    "cnpg": ["cnpg"],
    "external-secrets": ["external-secrets"],
    "gateway-api": ["gateway-api"],
    "hpa": ["hpa"],
    "ingress": ["ingress"],
    "keda": ["strimzi", "keda"],
    "network-policy": ["network-policy"],
    "polling": ["polling"],
    "strimzi": ["strimzi"],
    "tools": ["tools"],
    "topics": ["topics"],
    "by hand": ["network-policy", "tools", "topics", "ingress", "hpa"],
    "polled": ["network-policy", "strimzi", "ingress", "gateway-api", "polling"],
}
OVERLAYS = ["dev", "prod"]
DEPLOYMENTS = ["gateway-ingest", "store-ingest", "store-rpc"]
RENDERINGS = [*OVERLAYS, *COMPONENTS]

# Tests of kube-score that do not fit, and why. A limit of CPU is not asked for either: it would only make answers late.
UNFITTING = {
    "container-image-pull-policy": "a digest never means another image; `dev` has images that are in no registry",
    "pod-networkpolicy": "asked of the overlays alone: elsewhere the component is left out",
}
assert wiring and network  # they add to CHECKS


@functools.cache
def _rendered(rendering: str) -> Manifest:
    return render.overlay(rendering) if rendering in OVERLAYS else render.base_with(COMPONENTS[rendering])


def rendered(rendering: str) -> Manifest:
    """A copy of one's own."""
    return _rendered(rendering).copy()


def of(faults: list[planted.Fault]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("fault", faults, ids=[f"{each.rule}: {each.what}" for each in faults])


def broken(fault: planted.Fault) -> Manifest:
    manifest = rendered(fault.rendering)
    fault.plant(manifest)
    return manifest


@pytest.fixture(scope="session")
def secret_text(tmp_path_factory: pytest.TempPathFactory) -> programs.SecretText:
    """What stands in the Secrets that people and operators make; certificates are real."""
    authority = Authority(tmp_path_factory.mktemp("certificates"), "authority")
    issued = authority.issue("user", "user")
    texts = {"token": TOKEN, "webhook-secret": SECRET, "tokens": RPC_TOKEN, "username": "telefact", "password": "pass",
             "uri": f"postgresql://telefact:pass@{programs.NOBODY}/telefact", "ca.crt": authority.certificate.read_text(),
             "user.crt": issued.certificate.read_text(), "user.key": issued.key.read_text()}
    keys = functools.reduce(lambda one, other: one | other, (secrets.known(rendered(each)) for each in OVERLAYS))

    def text_of(name: str, key: str) -> str:
        if key not in keys[name]:
            raise KeyError(key)
        return texts[key]

    return text_of


def test_every_component_is_rendered_here() -> None:
    there = {each.name for each in (render.K8S / "components").iterdir()}
    # `monitoring` has a stage of its own.
    assert there - {"monitoring"} == COMPONENTS.keys() - {"base", "by hand", "polled"}
    assert {each.name for each in (render.K8S / "overlays").iterdir()} == set(OVERLAYS)


def test_the_readme_tells_of_every_component_and_overlay() -> None:
    text = (render.K8S / "README.md").read_text()
    for name in COMPONENTS.keys() - {"base", "by hand", "polled"}:
        assert f"\n| `{name}` | " in text, name
    for name in OVERLAYS:
        assert f"\n| `overlays/{name}` | " in text, name


@pytest.mark.parametrize("rendering", RENDERINGS)
def test_a_rendering_holds_every_rule(rendering: str) -> None:
    found = [f"{name}: {fault}" for name, rule in CHECKS.items() for fault in rule(rendered(rendering))]
    assert not found, "\n".join(found)


@of(planted.FAULTS)
def test_a_rule_objects_to_its_fault(fault: planted.Fault) -> None:
    assert list(CHECKS[fault.rule](broken(fault))), f"{fault.rule} sees nothing wrong"


def test_every_rule_has_a_fault_to_object_to() -> None:
    assert {fault.rule for fault in planted.FAULTS} == CHECKS.keys()


@pytest.mark.parametrize("rendering", RENDERINGS)
def test_the_programs_know_every_variable(rendering: str) -> None:
    found = list(programs.name_faults(rendered(rendering), BINARIES))
    assert not found, "\n".join(found)


@of(planted.MISSPELT)
def test_a_variable_that_its_program_does_not_know_is_seen(fault: planted.Fault) -> None:
    assert list(programs.name_faults(broken(fault), BINARIES))


@pytest.mark.parametrize("rendering", RENDERINGS)
def test_the_programs_take_what_they_are_given(
    rendering: str, tmp_path: Path, secret_text: programs.SecretText
) -> None:
    found = list(programs.config_faults(rendered(rendering), BINARIES, tmp_path, secret_text))
    assert not found, "\n".join(found)


@of(planted.REFUSED)
def test_a_program_refuses(fault: planted.Fault, tmp_path: Path, secret_text: programs.SecretText) -> None:
    assert list(programs.config_faults(broken(fault), BINARIES, tmp_path, secret_text))


@pytest.mark.parametrize("rendering", OVERLAYS)
def test_the_programs_answer_their_probes_and_drain_in_time(
    rendering: str, tmp_path: Path, secret_text: programs.SecretText
) -> None:
    found = list(alive.faults(rendered(rendering), DEPLOYMENTS, BINARIES, tmp_path, secret_text))
    assert not found, "\n".join(found)


def test_the_grace_lasts_for_a_bot_behind_the_gateway_too(tmp_path: Path, secret_text: programs.SecretText) -> None:
    manifest = rendered("prod")
    manifest.get("ConfigMap", "gateway")["data"]["GATEWAY_FORWARD_URL"] = f"http://{programs.NOBODY}/"
    found = list(alive.faults(manifest, ["gateway-ingest"], BINARIES, tmp_path, secret_text))
    assert not found, "\n".join(found)


@of(planted.DEAF)
def test_a_probe_or_a_grace_that_does_not_fit_is_seen(
    fault: planted.Fault, tmp_path: Path, secret_text: programs.SecretText
) -> None:
    manifest, before = broken(fault), rendered(fault.rendering)
    changed = [each for each in DEPLOYMENTS if manifest.environment(manifest.workload(each)) !=
               before.environment(before.workload(each)) or manifest.workload(each) != before.workload(each)]
    assert list(alive.faults(manifest, changed[:1], BINARIES, tmp_path, secret_text))


def critical(manifest: Manifest, left_out: set[str]) -> Iterator[str]:
    """What kube-score finds critical."""
    command = [str(KUBE_SCORE), "score", "--output-format", "json", "--ignore-container-cpu-limit"]
    for name in sorted(left_out):
        command += ["--ignore-test", name]
    ended = subprocess.run([*command, "-"], input=yaml.safe_dump_all(manifest.objects), capture_output=True, text=True)
    assert ended.returncode in (0, 1), ended.stderr
    for scored in json.loads(ended.stdout):
        for check in scored["checks"]:
            if check["grade"] == 1 and not check["skipped"]:
                why = "; ".join(comment["summary"] for comment in check["comments"] or [])
                yield f"{scored['object_name']}: {check['check']['id']}: {why}"


@pytest.mark.parametrize("rendering", OVERLAYS)
def test_kube_score_finds_nothing_critical(rendering: str) -> None:
    found = list(critical(rendered(rendering), UNFITTING.keys() - {"pod-networkpolicy"}))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("rendering", COMPONENTS)
def test_kube_score_finds_nothing_critical_in_a_component(rendering: str) -> None:
    found = list(critical(rendered(rendering), set(UNFITTING)))
    assert not found, "\n".join(found)


def test_kube_score_can_object() -> None:
    manifest = rendered("prod")
    del manifest.workload("store-rpc").container["securityContext"]
    assert list(critical(manifest, set(UNFITTING)))


@pytest.mark.parametrize("name", UNFITTING)
def test_what_kube_score_is_told_to_leave_out_it_would_object_to(name: str) -> None:
    assert list(critical(rendered("base"), UNFITTING.keys() - {name}))
