"""Render deploy/k8s with kustomize: an overlay as it stands, or the base with some components."""

from __future__ import annotations

import functools
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import yaml

from tests.support.manifests.objects import Manifest

ROOT = Path(__file__).resolve().parents[3]
K8S = ROOT / "deploy" / "k8s"
CACHE = Path(os.environ.get("CERTIFY_CACHE") or Path.home() / ".cache" / "telefact")
KUSTOMIZE = CACHE / "kustomize-5.8.1" / "kustomize"


def overlay(name: str) -> Manifest:
    """deploy/k8s/overlays/<name>."""
    return Manifest(yaml.safe_load_all(_build(K8S / "overlays" / name)))


def base_with(components: Sequence[str]) -> Manifest:
    """The base with these components, in this order."""
    return Manifest(yaml.safe_load_all(_build_base_with(tuple(components))))


@functools.cache
def _build(folder: Path) -> str:
    assert KUSTOMIZE.exists(), f"{KUSTOMIZE} is missing: run ./dev certify manifests"
    ended = subprocess.run([str(KUSTOMIZE), "build", str(folder)], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert not ended.stderr, ended.stderr  # what is deprecated is told there
    return ended.stdout


@functools.cache
def _build_base_with(components: tuple[str, ...]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        # kustomize refers to other folders by relative paths alone.
        k8s = os.path.relpath(K8S, os.path.realpath(folder))
        kustomization = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "namespace": "telefact",
            "resources": [f"{k8s}/base"],
            "components": [f"{k8s}/components/{each}" for each in components],
        }
        (Path(folder) / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
        return _build.__wrapped__(Path(folder))
