"""What AdminService refuses of the orders it is given; tests/integration/test_admin_service.py has every wrong one."""

from __future__ import annotations

from typing import Any

import grpc

from tests.integration.refusals.rows_read import ReadBench
from tests.integration.refusals.table import Row
from tests.support.protos import admin_grpc, admin_pb2

ADMIN_TOKEN = "admin-token-of-the-tests-0123456789"


def order(bench: ReadBench, method: str, **fields: Any) -> str:
    """Give an order; how it was answered."""
    kind = admin_pb2.DESCRIPTOR.services_by_name["AdminService"].methods_by_name[method].input_type
    request = getattr(admin_pb2, kind.name)(**fields)
    with grpc.insecure_channel(f"127.0.0.1:{bench.rpc.port}") as channel:
        call = getattr(admin_grpc.AdminServiceStub(channel), method)
        try:
            call(request, metadata=(("authorization", f"Bearer {ADMIN_TOKEN}"),), timeout=20)
        except grpc.RpcError as error:
            return f"{error.code().name} {error.details()}"
    return "OK"


def _unavailable(bench: ReadBench) -> str:
    with bench.no_database():
        return order(bench, "PauseRebuild")


REBUILD = [
    Row("rebuild", "invalid_argument", "a negative generation", "INVALID_ARGUMENT generation:",
        lambda bench: order(bench, "PauseRebuild", generation=-1)),
    Row("rebuild", "not_found", "nothing to pause", "NOT_FOUND nothing is being rebuilt",
        lambda bench: order(bench, "PauseRebuild")),
    Row("rebuild", "wrong_state", "the live one to drop", "FAILED_PRECONDITION generation 1 is live",
        lambda bench: order(bench, "DropGeneration", generation=1)),
    Row("rebuild", "unavailable", "a database that is away", "UNAVAILABLE ", _unavailable),
]
SHOWN_ELSEWHERE = {
    ("rebuild", "off"): "test_without_tokens_of_its_own_it_is_off",
    ("rebuild", "too_many"): "test_watches_are_few_and_end_with_the_store",
}
"""A store of its own without tokens, and one with a rebuild to watch."""
