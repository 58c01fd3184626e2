"""Who may do what at a guarded broker: ACLs, given and taken by its administrator."""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

# What the services need on their topics, and the store on its group.
GATEWAY = ("DESCRIBE", "DESCRIBE_CONFIGS", "WRITE")
STORE = ("DESCRIBE", "DESCRIBE_CONFIGS", "READ")


class Access:
    """`bootstrap` is of the plain listener, whose clients may do everything."""

    def __init__(self, bootstrap: str) -> None:
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})

    def allow(self, user: str, prefix: str, operations: Iterable[str], kind: str = "TOPIC") -> None:
        """Give rights on all topics (groups) whose names begin with this."""
        bindings = [
            AclBinding(*_where(prefix, kind), f"User:{user}", "*", AclOperation[each], AclPermissionType.ALLOW)
            for each in operations
        ]
        for future in self._admin.create_acls(bindings).values():
            future.result(30)

    def revoke(self, user: str, prefix: str, operations: Iterable[str], kind: str = "TOPIC") -> None:
        """Take them; those that are not there do no harm."""
        filters = [
            AclBindingFilter(*_where(prefix, kind), f"User:{user}", None, AclOperation[each], AclPermissionType.ANY)
            for each in operations
        ]
        for future in self._admin.delete_acls(filters).values():
            future.result(30)


def login(service: str, guarded: str, user: str, password: str) -> dict[str, str]:
    """Settings of a service ("GATEWAY", "STORE") that comes by the guarded listener with a password."""
    return {
        f"{service}_KAFKA_BOOTSTRAP_SERVERS": guarded,
        f"{service}_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        f"{service}_KAFKA_SASL_MECHANISM": "PLAIN",
        f"{service}_KAFKA_SASL_USERNAME": user,
        f"{service}_KAFKA_SASL_PASSWORD": password,
    }


def _where(prefix: str, kind: str) -> tuple[ResourceType, str, ResourcePatternType]:
    return ResourceType[kind], prefix, ResourcePatternType.PREFIXED
