"""A pooler in transaction mode is refused; a direct connection is not."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress

import psycopg
import pytest
from dispatch_world import postgresql_server, url_of

from scheduler.ports.store import StoreUnavailableError
from scheduler.queue.pooler import refuse_pooler_url, refuse_transaction_pooler, shares_sessions


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with postgresql_server(tmp_path_factory.mktemp("run")) as url:
        yield url


class TransactionPooler:
    """A pooler in miniature over PostgreSQL's wire protocol: a server connection is lent for one transaction.

    As the real ones do, it lends the connection that came back last.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._idle: list[psycopg.Connection] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _borrow(self) -> psycopg.Connection:
        with self._lock:
            return self._idle.pop() if self._idle else psycopg.connect(self._url, autocommit=True)

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError, EOFError), client:
            self._greet(client)
            lent: psycopg.Connection | None = None
            while True:
                kind, message = self._message(client)
                if kind == b"X":
                    break
                lent = lent or self._borrow()
                wire = socket.socket(fileno=lent.fileno())
                try:
                    wire.setblocking(True)
                    wire.sendall(message)
                    # Q (simple query) and S (sync) are answered up to ReadyForQuery; what comes before S is not.
                    while kind in {b"Q", b"S"}:
                        answer, packet = self._message(wire)
                        client.sendall(packet)
                        if answer == b"Z":
                            if packet[-1:] == b"I":
                                with self._lock:
                                    self._idle.append(lent)
                                lent = None
                            break
                finally:
                    wire.detach()

    def _greet(self, client: socket.socket) -> None:
        while True:
            length, code = struct.unpack("!II", self._exactly(client, 8))
            self._exactly(client, length - 8)
            if code == 196_608:
                break
            client.sendall(b"N")  # no TLS, no GSS
        settings = {"server_version": "16.0", "client_encoding": "UTF8", "standard_conforming_strings": "on"}
        reply = b"R" + struct.pack("!II", 8, 0)
        for name, value in settings.items():
            body = f"{name}\0{value}\0".encode()
            reply += b"S" + struct.pack("!I", len(body) + 4) + body
        reply += b"K" + struct.pack("!III", 12, 4711, 4712) + b"Z" + struct.pack("!I", 5) + b"I"
        client.sendall(reply)

    def _message(self, source: socket.socket) -> tuple[bytes, bytes]:
        head = self._exactly(source, 5)
        return head[:1], head + self._exactly(source, struct.unpack("!I", head[1:])[0] - 4)

    @staticmethod
    def _exactly(source: socket.socket, size: int) -> bytes:
        data = b""
        while len(data) < size:
            chunk = source.recv(size - len(data))
            if not chunk:
                raise EOFError
            data += chunk
        return data

    def close(self) -> None:
        self._listener.close()
        for connection in self._idle:
            connection.close()


@contextmanager
def transaction_pooler(url: str) -> Generator[str, None, None]:
    pooler = TransactionPooler(url)
    try:
        yield f"postgresql://me@127.0.0.1:{pooler.port}/postgres?sslmode=disable"
    finally:
        pooler.close()


def test_a_pooler_in_transaction_mode_is_refused_with_the_remedy(server: str) -> None:
    with transaction_pooler(url_of(server, "postgres")) as url:
        with psycopg.connect(url, autocommit=True) as connection:  # it works, as far as single statements go
            assert connection.execute("SELECT 7").fetchone() == (7,)
        with pytest.raises(StoreUnavailableError, match=r"transaction mode.*session pooler.*port 5432"):
            refuse_transaction_pooler(url)


def test_a_direct_connection_and_sqlite_are_accepted(server: str) -> None:
    refuse_transaction_pooler(url_of(server, "postgres"))
    refuse_transaction_pooler("sqlite:////srv/predawn.db")


def test_supabases_transaction_port_is_refused_without_connecting() -> None:
    with pytest.raises(StoreUnavailableError, match="port 5432") as refused:
        refuse_pooler_url("postgresql://postgres.abcd:secret@aws-0-eu.pooler.supabase.com:6543/postgres")
    assert "secret" not in str(refused.value)
    refuse_pooler_url("postgresql://postgres.abcd:secret@aws-0-eu.pooler.supabase.com:5432/postgres")


def test_a_database_out_of_reach_says_so() -> None:
    with pytest.raises(StoreUnavailableError, match="cannot be reached"):
        refuse_transaction_pooler("postgresql://me@127.0.0.1:1/predawn")


@pytest.mark.parametrize(
    ("mine", "theirs", "shared"),
    [
        ([1, 1, 1], [2, 2], False),
        ([1, 3, 1], [1, 3], True),
        ([1, 1, 1], [1, 1], True),
        ([1, 1, 2], [3, 3], True),
        ([1, 1, 1], [2, 3], True),
    ],
)
def test_sessions_of_their_own_keep_their_server_process(mine: list[int], theirs: list[int], shared: bool) -> None:
    assert shares_sessions(mine, theirs) is shared
