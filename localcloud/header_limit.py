"""The server's HTTP protocol with a limit for headers, which uvicorn has for its slower parser only."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from localcloud.front_door import HEADER_LIMIT

TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class LimitedProtocol(HttpToolsProtocol):
    """Ends a connection that sends more than HEADER_LIMIT without completing its headers, or after its body.

    What arrives at once is at most 256 KB, which asyncio reads from a socket. The front door counts exactly.
    """

    _unfinished = 0  # bytes since headers, a part of a body, or a whole request were complete

    def data_received(self, data: bytes) -> None:
        self._unfinished += len(data)
        super().data_received(data)
        if self._unfinished > HEADER_LIMIT and not self.transport.is_closing():
            self.transport.write(TOO_LARGE)
            self.transport.close()

    def on_headers_complete(self) -> None:
        self._unfinished = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unfinished = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unfinished = 0
        super().on_message_complete()
