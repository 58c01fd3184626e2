"""Where the Secrets come from that pods refer to: a person, by the commands of the README, or an operator."""

from __future__ import annotations

import re

from tests.support.manifests.objects import Manifest
from tests.support.manifests.render import K8S

Keys = dict[str, frozenset[str]]

_GENERIC = re.compile(r"create secret generic ([a-z-]+)((?:[^\n]*\\\n)*[^\n]*)")
_TLS = re.compile(r"create secret tls ([a-z-]+)")


def by_hand() -> Keys:
    """{name: keys} that README.md tells people to create."""
    text = (K8S / "README.md").read_text()
    found = {name: frozenset(re.findall(r"--from-literal=([a-z-]+)=", rest)) for name, rest in _GENERIC.findall(text)}
    return found | {name: frozenset({"tls.crt", "tls.key"}) for name in _TLS.findall(text)}


def by_operators(manifest: Manifest) -> Keys:
    """What Strimzi and CloudNativePG make for the objects of this rendering."""
    found: Keys = {}
    for each in manifest.of("Kafka"):
        found[f"{each['metadata']['name']}-cluster-ca-cert"] = frozenset({"ca.crt", "ca.p12", "ca.password"})
    for each in manifest.of("KafkaUser"):
        assert each["spec"]["authentication"]["type"] == "tls", "only certificates are known here"
        found[each["metadata"]["name"]] = frozenset({"ca.crt", "user.crt", "user.key", "user.p12", "user.password"})
    for each in manifest.of("Cluster"):
        found[f"{each['metadata']['name']}-ca"] = frozenset({"ca.crt", "ca.key"})
    return found


def known(manifest: Manifest) -> Keys:
    """All that will be there."""
    return by_hand() | by_operators(manifest)
