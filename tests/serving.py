"""A real HTTP server on loopback, with every fault of the servers out there."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FILE = b"\x89HDF\r\n\x1a\n" + bytes(range(256)) * 2000
ETAG = '"first"'


@dataclass(frozen=True)
class Answer:
    """What the server does with one request.

    Attributes:
        body: the whole file, or a page.
        status: an error's, or 200, which a range turns into 206.
        kind: content type.
        drops: bytes sent before the connection breaks.
        ranges: "obeyed", "ignored", "forced" (whatever If-Range says), or "shifted": the 206
            begins where nobody asked.
        etag, modified: of the file.
        length: of the header; "true", "none", or bytes.
        chunked: framed in chunks.
        pause: seconds between the headers and the body.
        slow: seconds between two of the body's pieces.
        headers: more of them.
        raw: said in place of all this.
    """

    body: bytes = FILE
    status: int = 200
    kind: str = "application/octet-stream"
    drops: int | None = None
    ranges: str = "obeyed"
    etag: str | None = ETAG
    modified: str | None = None
    length: int | str = "true"
    chunked: bool = False
    pause: float = 0
    slow: float = 0
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes = b""


@dataclass
class Request:
    """What was asked and by whom, and how many bytes of a body were sent."""

    path: str
    range: str | None
    if_range: str | None
    authorization: str | None = None
    sent: int = 0
    method: str = "GET"
    body: bytes = b""


class Server:
    """Answers by path: each request takes the next of its answers, the last one for ever.

    With `reply`, what that says of a request goes before, unless it is None.
    """

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = {}
        self.requests: list[Request] = []
        self.url = ""
        self.reply: Callable[[Request], Answer | None] = lambda asked: None

    def answer(self, asked: Request) -> Answer:
        if answer := self.reply(asked):
            return answer
        answers = self.answers.get(asked.path.partition("?")[0], [Answer(b"", 404)])
        return answers.pop(0) if len(answers) > 1 else answers[0]


@contextmanager
def serving() -> Iterator[Server]:
    """A server of its own for one test."""
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            names = ("Range", "If-Range", "Authorization")
            asked = Request(self.path, *map(self.headers.get, names), method=self.command)
            asked.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            server.requests.append(asked)
            self.close_connection = True
            send(self, server.answer(asked), asked)

        do_HEAD = do_POST = do_GET

        def log_message(self, *_):
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_):
            """Clients hang up here all the time."""

    with Quiet(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        server.url = f"http://127.0.0.1:{http.server_port}"
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


def send(handler, answer: Answer, asked: Request) -> None:
    """One answer, as faulty as it is."""
    if answer.raw:
        handler.wfile.write(answer.raw)
        return
    status, body, headers = answer.status, answer.body, dict(answer.headers)
    same = answer.ranges == "forced" or asked.if_range in (None, answer.etag, answer.modified)
    if status == 200 and asked.range and answer.ranges != "ignored" and same:
        begin = int(asked.range.removeprefix("bytes=").removesuffix("-"))
        begin -= 100 * (answer.ranges == "shifted")
        if begin >= len(body):
            status, body = 416, b""
            headers["Content-Range"] = f"bytes */{len(answer.body)}"
        else:
            status, body = 206, body[begin:]
            headers["Content-Range"] = f"bytes {begin}-{len(answer.body) - 1}/{len(answer.body)}"
    handler.send_response(status)
    headers |= {"Content-Type": answer.kind, "Connection": "close"}
    headers |= {"ETag": answer.etag} if answer.etag else {}
    headers |= {"Last-Modified": answer.modified} if answer.modified else {}
    if answer.chunked:
        headers["Transfer-Encoding"] = "chunked"
    elif answer.length != "none":
        headers["Content-Length"] = str(len(body) if answer.length == "true" else answer.length)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    if handler.command == "HEAD":
        return
    handler.wfile.flush()
    time.sleep(answer.pause)
    rest = body if answer.drops is None else body[: answer.drops]
    for start in range(0, len(rest), 1 << 14):
        piece = rest[start : start + (1 << 14)]
        framed = b"%x\r\n%s\r\n" % (len(piece), piece) if answer.chunked else piece
        # counted first: a client that has the last piece may look at once
        asked.sent += len(piece)
        handler.wfile.write(framed)
        time.sleep(answer.slow)
    if answer.drops is None:
        handler.wfile.write(b"0\r\n\r\n" if answer.chunked else b"")
    else:
        handler.connection.shutdown(socket.SHUT_RDWR)
