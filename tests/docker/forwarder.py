"""Forward connections from containers to the local cloud, which listens on 127.0.0.1 only."""

import shutil
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def forwarding(address: str, port: int) -> Iterator[int]:
    """Listen on `address`, yield the port, and forward its connections to `port` of 127.0.0.1."""

    class Connection(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", port)) as cloud:
                answer = threading.Thread(target=copy, args=(cloud, self.request))
                answer.start()
                copy(self.request, cloud)
                answer.join()

    with socketserver.ThreadingTCPServer((address, 0), Connection) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield int(server.server_address[1])
        server.shutdown()


def copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError), source.makefile("rb", buffering=0) as reader, target.makefile("wb", buffering=0) as writer:
        shutil.copyfileobj(reader, writer)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
