"""The proxy of the fault tests itself: what it promises to do to a connection, byte by byte."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.support.proxy import DOWN, UP, Proxy, Trap


@contextlib.contextmanager
def echo(prefix: bytes = b"") -> Iterator[tuple[tuple[str, int], list[bytes]]]:
    """A server that answers what it gets; and what it got, a connection each."""
    listener = socket.create_server(("127.0.0.1", 0))
    got: list[bytes] = []

    def serve(client: socket.socket, number: int) -> None:
        with client, contextlib.suppress(OSError):
            while data := client.recv(4096):
                got[number] += data
                client.sendall(prefix + data)

    def take() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                got.append(b"")
                threading.Thread(target=serve, args=(client, len(got) - 1), daemon=True).start()

    threading.Thread(target=take, daemon=True).start()
    try:
        yield listener.getsockname(), got
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def dial(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def read(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (piece := client.recv(count - len(data))):
        data += piece
    return data


def test_what_is_not_hurt_passes_unchanged() -> None:
    with echo() as (target, _), Proxy(target) as proxy, dial(proxy) as client:
        text = bytes(range(256)) * 2000
        threading.Thread(target=client.sendall, args=(text,), daemon=True).start()
        assert read(client, len(text)) == text
        assert proxy.open_count == proxy.taken == 1


@pytest.mark.parametrize("at", [0, 1, 5, 9])
def test_a_cut_on_the_way_up_lets_exactly_so_many_bytes_through(at: int) -> None:
    with echo() as (target, got), Proxy(target) as proxy, dial(proxy) as client:
        trap = proxy.arm(Trap(UP, at, markers=(b"begin", b"commit")))
        client.sendall(b"commit begin com")  # a marker in two pieces, and one that comes too early
        assert read(client, 16) == b"commit begin com"
        client.sendall(b"mit, and more")
        assert trap.fired.wait(5)
        assert read(client, 99) == b"", "both sides are cut at once"
        wanted = b"commit begin com" + b"mit, and more"[: max(0, at - 3)]
        ends_s = time.monotonic() + 5
        while got != [wanted] and time.monotonic() < ends_s:
            time.sleep(0.01)
        assert got == [wanted]


@pytest.mark.parametrize("at", [0, 1, 5])
def test_a_cut_on_the_way_down_lets_the_question_through(at: int) -> None:
    with echo() as (target, got), Proxy(target) as proxy, dial(proxy) as client:
        trap = proxy.arm(Trap(DOWN, at, markers=(b"commit",), refuses=True))
        client.sendall(b"other")
        assert read(client, 5) == b"other"
        client.sendall(b"commit")
        assert read(client, 99) == b"commit"[:at]
        assert trap.fired.wait(5)
        assert got == [b"othercommit"]
        with pytest.raises(ConnectionRefusedError):
            dial(proxy)
        proxy.accept()
        with dial(proxy) as again:
            again.sendall(b"commit")
            assert read(again, 6) == b"commit", "a trap springs once"


def test_a_reset_is_a_reset_and_a_close_is_none() -> None:
    with echo() as (target, _), Proxy(target) as proxy:
        with dial(proxy) as client:
            client.sendall(b"x")
            assert read(client, 1) == b"x"
            assert proxy.cut(reset=True) == 1
            with pytest.raises(ConnectionResetError):
                client.recv(1)
        with dial(proxy) as client:
            client.sendall(b"x")
            assert read(client, 1) == b"x"
            assert proxy.cut() == 1
            assert client.recv(1) == b""


def test_a_blackhole_is_silent_and_heals() -> None:
    with echo() as (target, got), Proxy(target) as proxy, dial(proxy) as client:
        client.sendall(b"a")
        assert read(client, 1) == b"a"
        proxy.blackhole(DOWN)
        client.sendall(b"b")
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(1)
        assert got == [b"ab"], "half open: the other direction passes"
        proxy.heal()
        client.settimeout(5)
        assert read(client, 1) == b"b"
        trap = proxy.arm(Trap(UP, 1, "hold"))
        client.sendall(b"cd")
        assert trap.fired.wait(5)
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(1)
        proxy.heal()
        client.settimeout(5)
        assert read(client, 2) == b"cd"


def test_one_bit_of_one_byte_is_corrupted() -> None:
    with echo() as (target, _), Proxy(target) as proxy, dial(proxy) as client:
        proxy.arm(Trap(DOWN, 3, "corrupt"))
        client.sendall(b"0123456789")
        answer = read(client, 10)
        assert [at for at in range(10) if answer[at] != b"0123456789"[at]] == [3]
        assert (answer[3] ^ b"3"[0]).bit_count() == 1


def test_delay_and_another_target() -> None:
    with echo() as (first, _), echo(b"second") as (second, _), Proxy(first) as proxy, dial(proxy) as client:
        proxy.delay(0.1, jitter_s=0.05)
        began = time.monotonic()
        client.sendall(b"x")
        assert read(client, 1) == b"x"
        assert time.monotonic() - began >= 0.2
        proxy.heal()
        proxy.target = second
        with dial(proxy) as other:
            other.sendall(b"x")
            assert read(other, 7) == b"secondx"
        client.sendall(b"y")
        assert read(client, 1) == b"y"
