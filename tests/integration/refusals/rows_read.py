"""What ReadService refuses of its requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import psycopg

from deploy.local.servers import Servers
from tests.integration.refusals.rows_admin import AdminBench
from tests.integration.refusals.rows_rpc import CALLS_MAX, RpcBench, ask, said
from tests.integration.refusals.table import Row
from tests.support.protos import read_grpc, read_pb2
from tests.support.rpc_echo_server.raw_client import PING, RawClient, frame, message

WAIT_APPLIED = "/telefact.store.v1.ReadService/WaitApplied"
GET_USER = "/telefact.store.v1.ReadService/GetUser"
WAITING_MAX = 1000  # calls without a connection of the store's one
USER = 5001


class ReadBench:
    """A store that only reads, by one connection, and its database."""

    def __init__(self, servers: Servers, url: str, rpc: RpcBench, admin: AdminBench) -> None:
        self.servers, self.url, self.rpc, self.admin = servers, url, rpc, admin

    def ask(self, call: Callable[[Any, dict[str, Any]], Any], *metadata: tuple[str, str]) -> str:
        """Call a stub; how it was answered."""
        with grpc.insecure_channel(f"127.0.0.1:{self.rpc.port}") as channel:
            given = {"metadata": tuple(self.rpc.headers(*metadata)), "timeout": 20}
            try:
                answer = call(read_grpc.ReadServiceStub(channel), given)
                if isinstance(answer, grpc.Call) and hasattr(answer, "__next__"):
                    list(answer)
            except grpc.RpcError as error:
                return f"{error.code().name} {error.details()}"
        return "OK"

    def good(self) -> None:
        """What is right is still answered."""
        assert self.ask(lambda stub, given: stub.GetUser(read_pb2.GetUserRequest(user_id=USER), **given)) == "OK"

    @contextmanager
    def no_database(self) -> Iterator[None]:
        """Nobody may connect meanwhile, and nobody is connected."""
        name = self.url.rpartition("/")[2]
        with psycopg.connect(self.servers.admin_dsn, autocommit=True) as admin:
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")  # type: ignore[arg-type]
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
            try:
                yield
            finally:
                admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")  # type: ignore[arg-type]


def _unavailable(bench: ReadBench) -> str:
    with bench.no_database():
        return bench.ask(lambda stub, given: stub.GetUser(read_pb2.GetUserRequest(user_id=USER), **given))


def _too_many_wait(bench: ReadBench) -> str:
    """One call has the connection and waits for a lock, as many as may wait for the connection, and one more."""
    rpc = bench.rpc
    extra = rpc.headers(("grpc-timeout", "30S"))
    request = message(read_pb2.GetUserRequest(user_id=USER).SerializeToString())
    clients = [RawClient(rpc.port, timeout_s=20) for _ in range(1 + WAITING_MAX // CALLS_MAX)]
    with psycopg.connect(bench.url) as locker:
        locker.execute("LOCK TABLE g1.users IN ACCESS EXCLUSIVE MODE")
        try:
            for client in clients:
                last = 1 if client is clients[-1] else CALLS_MAX
                for number in range(last):
                    client.send(client.request(2 * number + 1, rpc.path, request, extra=extra))
                client.send(frame(PING, 0, 0, b"are here"))
                client.read_until(PING, flags=1)  # so its calls have been seen
            clients[-1].send(clients[-1].request(3, rpc.path, request, extra=extra))
            return said(clients[0].answer(3))  # who waits for longest has to go
        finally:
            for client in clients:
                client.__exit__()


_WRONG: list[tuple[str, Callable[[Any, dict[str, Any]], Any], str]] = [
    ("negative seconds", lambda s, g: s.GetBotStats(read_pb2.GetBotStatsRequest(seconds=-1), **g), "seconds:"),
    ("unknown class of chats", lambda s, g: s.GetBotStats(read_pb2.GetBotStatsRequest(chat_class=9), **g), "chat_class:"),
    ("unknown class of ids", lambda s, g: s.GetUserIds(read_pb2.GetUserIdsRequest(chat_class=9), **g), "chat_class:"),
    ("no position", lambda s, g: s.WaitApplied(read_pb2.WaitAppliedRequest(position="x"), **g), "position:"),
    ("unknown class of a series", lambda s, g: s.GetTimeSeries(read_pb2.GetTimeSeriesRequest(series=1, bucket=2, to=9, chat_class=9), **g), "chat_class:"),
    ("a limit beyond the largest", lambda s, g: s.GetReferralStats(read_pb2.GetReferralStatsRequest(limit=1001), **g), "limit:"),
    ("no page token", lambda s, g: s.GetUserIds(read_pb2.GetUserIdsRequest(page_token="g1"), **g), "page_token:"),
]

READ = [
    *(Row("read", "invalid_argument", given, f"INVALID_ARGUMENT {field}", lambda bench, call=call: bench.ask(call))
      for given, call, field in _WRONG),
    Row("read", "invalid_argument", "half a minimum position", "INVALID_ARGUMENT telefact-min-position:",
        lambda bench: bench.ask(lambda stub, given: stub.GetUser(read_pb2.GetUserRequest(user_id=USER), **given),
                                ("telefact-min-position", "1:"))),
    Row("rpc", "unimplemented", "a method that is not there", "UNIMPLEMENTED",
        lambda bench: ask(bench.rpc, message(b""), path="/telefact.store.v1.ReadService/GetNothing")),
    Row("rpc", "deadline_exceeded", "a position that never comes", "DEADLINE_EXCEEDED",
        lambda bench: ask(bench.rpc, message(read_pb2.WaitAppliedRequest(position="7:1").SerializeToString()),
                          ("grpc-timeout", "300m"), path=WAIT_APPLIED)),
    Row("read", "unavailable", "a database that is away", "UNAVAILABLE ", _unavailable),
    Row("read", "too_many_wait", "1002 calls", "RESOURCE_EXHAUSTED ", _too_many_wait),
]
