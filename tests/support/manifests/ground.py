"""What the operators would make of a rendering, on a real Kafka and a real PostgreSQL: topics, rights, roles, secrets.

Programs started here have their pod's own environment and files; only addresses are those of this machine.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import NamedTuple

import psycopg
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from deploy.local.servers import Servers
from tests.support.canary import RPC_TOKEN, SECRET, TOKEN
from tests.support.certificates import Authority
from tests.support.manifests.objects import Manifest, Object, Workload
from tests.support.manifests.programs import Files
from tests.support.processes import Service, free_port, run_command

_PATTERNS = {"literal": ResourcePatternType.LITERAL, "prefix": ResourcePatternType.PREFIXED}
_OPERATIONS = {each.name.replace("_", "").lower(): each for each in AclOperation}
_OWNER = "telefact"


class Login(NamedTuple):
    """A principal's certificate at Kafka, and whom it trusts."""

    certificate: Path
    key: Path
    authority: Path


class Ground:
    """One broker stands for as many as the manifests ask for, so replicas are one."""

    def __init__(self, servers: Servers, authority: Authority, manifest: Manifest, folder: Path) -> None:
        self.servers = servers
        self.manifest = manifest
        self._authority = authority
        self._folder = folder
        self._logins: dict[str, Login] = {}
        self._passwords = {"owner": servers.postgres.state["password"], "writer": "of-writer", "reader": "of-reader"}

    def prepare(self) -> None:
        """Do the operators' work."""
        admin = AdminClient({"bootstrap.servers": self.servers.kafka_bootstrap, "log_level": 2})
        topics = [_new_topic(each) for each in self.manifest.of("KafkaTopic")]
        for created in admin.create_topics(topics).values():
            created.result(30)
        rights = [acl for user in self.manifest.of("KafkaUser") for acl in _rights(user)]
        for made in admin.create_acls(rights).values():
            made.result(30)
        roles = self.manifest.get("ConfigMap", "database-roles")["data"]["roles.sql"]
        with psycopg.connect(self.dsn(), autocommit=True) as database:
            database.execute(roles)
            for role in ("writer", "reader"):
                database.execute(f"ALTER ROLE telefact_{role} PASSWORD '{self._passwords[role]}'")

    def dsn(self, role: str = "") -> str:
        """The store's database as the superuser, or as a role."""
        if not role:
            return str(self.servers.admin_dsn).replace("dbname=postgres", f"dbname={_OWNER}")
        return self._url(role)

    def login(self, user: str) -> Login:
        """What Strimzi puts into the Secret of a KafkaUser."""
        if user not in self._logins:
            issued = self._authority.issue(user, user)
            self._logins[user] = Login(issued.certificate, issued.key, self._authority.certificate)
        return self._logins[user]

    def secret_text(self, name: str, key: str) -> str:
        """What stands in a Secret."""
        plain = {"token": TOKEN, "webhook-secret": SECRET, "tokens": f"{RPC_TOKEN}\n"}
        if key in plain:
            return plain[key]
        if key == "uri":
            return self._url(name.removeprefix("database-"))
        if key == "ca.crt":
            return self._authority.certificate.read_text()
        login = self.login(name)
        return {"user.crt": login.certificate, "user.key": login.key}[key].read_text()

    def environment(self, name: str, **more: str) -> dict[str, str]:
        """Of a workload, with the addresses of this machine; its files are written."""
        workload = self.manifest.workload(name)
        files = Files(self._folder / name, self.secret_text)
        missing = list(files.mount(workload))
        assert not missing, missing
        found = files.moved(workload, self.manifest.environment(workload))
        for setting in found:
            if setting.endswith("_LISTEN"):
                found[setting] = f"127.0.0.1:{free_port()}"
            elif setting.endswith("_KAFKA_BOOTSTRAP_SERVERS"):
                found[setting] = self.servers.kafka.guarded
        # This PostgreSQL shows no certificate.
        return {**found, "PGSSLMODE": "disable", **more}

    def service(self, name: str, binaries: Path, environment: dict[str, str]) -> Service:
        """The program of a Deployment."""
        workload = self.manifest.workload(name)
        setting = "GATEWAY_ADMIN_LISTEN" if workload.program == "telefact-gateway" else "STORE_ADMIN_LISTEN"
        return Service(name, binaries / workload.program, environment, environment[setting], self._folder)

    async def job(self, name: str, binaries: Path, *words: str) -> str:
        """Run a Job's command, or other words in its place, to the end; what it printed."""
        workload: Workload = self.manifest.workload(name)
        arguments = list(words) or [*workload.container["command"][1:], *workload.container.get("args", [])]
        return await run_command(binaries / workload.program, arguments, await asyncio.to_thread(self.environment, name))

    def _url(self, role: str) -> str:
        user = _OWNER if role == "owner" else f"{_OWNER}_{role}"
        return f"postgresql://{user}:{self._passwords[role]}@127.0.0.1:{self.servers.postgres.state['port']}/{_OWNER}"


def _new_topic(topic: Object) -> NewTopic:
    spec = topic["spec"]
    config = {name: str(value).lower() if isinstance(value, bool) else str(value)
              for name, value in spec.get("config", {}).items() if name != "min.insync.replicas"}
    return NewTopic(topic["metadata"]["name"], spec["partitions"], 1, config=config)


def _rights(user: Object) -> list[AclBinding]:
    found = []
    for acl in user["spec"]["authorization"]["acls"]:
        resource = acl["resource"]
        pattern = _PATTERNS[resource.get("patternType", "literal")]
        where = (ResourceType[resource["type"].upper()], resource["name"], pattern)
        who = f"User:{user['metadata']['name']}"
        found += [AclBinding(*where, who, "*", _OPERATIONS[each.lower()], AclPermissionType.ALLOW)
                  for each in acl["operations"]]
    return found
