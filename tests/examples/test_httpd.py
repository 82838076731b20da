"""examples/httpd.lua under load: hundreds of connections, broken requests, slow clients."""

from __future__ import annotations

import os
import selectors
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from callgate import luajit

ROOT = Path(__file__).resolve().parents[2]
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
CONNECTIONS = 400
ROUNDS = 5
SECONDS = 60


@pytest.fixture
def port() -> Iterator[int]:
    """Start the server on a free port of this machine; it must end by itself, and well."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = probe.getsockname()[1]
    command = [*luajit.interpreter(), str(ROOT / "examples/httpd.lua"), str(number), "20"]
    process = subprocess.Popen(
        command, env=luajit.environment(ROOT / "output"), stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert "listening" in process.stderr.readline()
    yield number
    _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, said
    assert "requests served" in said


def answer(connection: socket.socket, count: int = 1) -> bytes:
    """Return what the server sends until ``count`` answers are whole, or it closes."""
    data = b""
    while data.count(b"Linux kernel.\n") < count:
        piece = connection.recv(65536)
        if not piece:
            break
        data += piece
    return data


@pytest.mark.slow
def test_hundreds_of_connections(port: int) -> None:
    """Every request of hundreds of connections kept alive side by side is answered."""
    waiting = {}
    with selectors.DefaultSelector() as selector:
        for _ in range(CONNECTIONS):
            connection = socket.create_connection(("127.0.0.1", port))
            selector.register(connection, selectors.EVENT_READ)
            waiting[connection] = ROUNDS
            connection.sendall(REQUEST)
        end = time.monotonic() + SECONDS
        while waiting and time.monotonic() < end:
            for key, _ in selector.select(timeout=1):
                connection = key.fileobj  # type: ignore[assignment]
                assert answer(connection).startswith(b"HTTP/1.1 200 OK\r\n")
                waiting[connection] -= 1
                if waiting[connection]:
                    connection.sendall(REQUEST)
                else:
                    del waiting[connection]
                    selector.unregister(connection)
                    connection.close()
    assert waiting == {}

    with socket.create_connection(("127.0.0.1", port)) as pipelined:
        pipelined.sendall(REQUEST * 50)
        assert answer(pipelined, 50).count(b"200 OK") == 50

    with socket.create_connection(("127.0.0.1", port)) as slow:
        for byte in REQUEST[:-1]:
            slow.sendall(bytes([byte]))
        slow.sendall(REQUEST[-1:])
        assert b"200 OK" in answer(slow)

    with socket.create_connection(("127.0.0.1", port)) as endless:
        endless.settimeout(SECONDS)
        try:
            endless.sendall(os.urandom(1) * 100_000)
            assert endless.recv(1) == b""
        except (BrokenPipeError, ConnectionResetError):
            pass  # closed in the middle of it, as it should

    with socket.create_connection(("127.0.0.1", port)) as last:
        last.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert answer(last, 2).count(b"200 OK") == 1, "HTTP/1.0 ends the connection"
