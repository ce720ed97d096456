"""Answer: ask a server for a file, and see whether what it answers can be that file."""

import html
import itertools
import re
from dataclasses import asdict, dataclass
from pathlib import Path

import requests
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from msa.fetch.share_links import confirmed_url, direct_url, drive_id

TRY_AGAIN = (408, 425, 429, 500, 502, 503, 504)
CHUNK = 1 << 14  # bytes; as much is lost where a connection breaks
# how a file of such a name begins: HDF5, ZIP, and dictionaries and lists in any pickle protocol
BEGINNINGS = {
    ".csd": (b"\x89HDF\r\n\x1a\n",),
    ".zip": (b"PK",),
    ".pkl": (b"\x80", b"(", b"}", b"]"),
}


class Refused(Exception):
    """This address does not give the file, however often one asks."""


class Slow(Refused):
    """This address may give the file yet; others are to be asked first."""


class Broken(Exception):
    """This try failed, the next may not; `pause` is how many seconds the server asks to wait."""

    def __init__(self, reason: str, pause: float = 0) -> None:
        super().__init__(reason)
        self.pause = pause


@dataclass(frozen=True)
class Version:
    """Which file it is that an address gives, as far as its server says.

    Attributes:
        url: the address.
        etag: of the file.
        modified: HTTP date.
        length: of the whole file, bytes.
        revision: commit of the hub's repository.
        sha256: that the hub lists.
    """

    url: str
    etag: str | None = None
    modified: str | None = None
    length: int | None = None
    revision: str | None = None
    sha256: str | None = None

    @property
    def validator(self) -> str | None:
        """What `If-Range` takes: weak tags are not allowed there."""
        weak = self.etag is None or self.etag.startswith("W/")
        return self.modified if weak else self.etag

    def contradicts(self, other: "Version") -> bool:
        """Whether the two differ in anything that both know."""
        pairs = zip(asdict(self).values(), asdict(other).values(), strict=True)
        return any(None not in pair and pair[0] != pair[1] for pair in pairs)


def request_file(
    http: requests.Session, url: str, headers: dict[str, str], timeout: tuple[float, float]
) -> requests.Response:
    """An answer that brings a file (200), the part asked for (206) or nothing (416).

    Raises:
        Refused: it can never be the file.
        Broken: the server has trouble, or too many visitors.
        requests.RequestException: the server is gone, or slow.
    """
    answer = http.get(direct_url(url), headers=headers, stream=True, timeout=timeout)
    if answer.ok and is_page(answer) and drive_id(url):
        with answer:
            page = page_text(answer)
        link = confirmed_url(page, answer.url)
        if link is None:
            raise page_refused(page)
        answer = http.get(link, headers=headers, stream=True, timeout=timeout)
    try:
        require_file(answer)
    except BaseException:
        answer.close()
        raise
    return answer


def require_file(answer: requests.Response) -> None:
    """Raise Refused or Broken for an answer that brings no file."""
    status = answer.status_code
    if status in TRY_AGAIN:
        raise Broken(f"HTTP {status} {answer.reason}", retry_after(answer))
    if status not in (200, 206, 416):
        raise Refused(f"HTTP {status} {answer.reason}")
    if status != 416 and is_page(answer):
        raise page_refused(page_text(answer))
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise Refused("expected the file as it is, got it compressed")


def version(answer: requests.Response, url: str) -> Version:
    """Which file an answer brings."""
    length = answer.headers.get("Content-Length", "")
    if answer.status_code == 206:
        length = answer.headers.get("Content-Range", "").rpartition("/")[2]
    elif chunked(answer):
        length = ""
    etag, modified = (answer.headers.get(name) for name in ("ETag", "Last-Modified"))
    return Version(
        url, etag, modified, int(length) if re.fullmatch("[0-9]{1,18}", length) else None
    )


def chunked(answer: requests.Response) -> bool:
    """Whether the answer's own framing tells where it ends."""
    return "chunked" in answer.headers.get("Transfer-Encoding", "")


def begins_at(answer: requests.Response, offset: int) -> bool:
    """Whether a 206 brings the bytes from `offset` on."""
    return answer.headers.get("Content-Range", "").startswith(f"bytes {offset}-")


def retry_after(answer: requests.Response) -> float:
    """Seconds that the server asks to wait."""
    try:
        return min(Retry().parse_retry_after(answer.headers.get("Retry-After", "0")), 1e6)
    except (InvalidHeader, ValueError, OverflowError):
        return 0


def is_page(answer: requests.Response) -> bool:
    """Whether the server says it sends HTML."""
    return "text/html" in answer.headers.get("Content-Type", "")


def is_html(beginning: bytes) -> bool:
    """Whether a file that begins like this is HTML, whatever the server says."""
    html_tag = re.search(rb"<(!doctype\s+html|html)\b", beginning, re.IGNORECASE)
    return html_tag is not None and beginning.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def require_beginning(beginning: bytes, name: str) -> None:
    """Raise Refused where a file that begins like this is not what its name says.

    Some servers send a page, or an error as JSON or XML, with status 200.
    """
    if is_html(beginning):
        raise page_refused(beginning.decode(errors="replace"))
    ending = Path(name).suffix
    if not beginning.startswith(BEGINNINGS.get(ending, b"")):
        raise Refused(f"expected the content of a {ending} file, got {beginning[:60]!r}")


def page_text(answer: requests.Response) -> str:
    """The first megabyte of a page."""
    chunks = itertools.islice(answer.iter_content(CHUNK), 64)
    return b"".join(chunks).decode(errors="replace")


def page_refused(page: str) -> Refused:
    """The error for a page in place of a file: its title often says what is wrong."""
    title = re.search(r"<title>\s*(.*?)\s*</title>", page, re.IGNORECASE | re.DOTALL)
    named = f" ({html.unescape(title[1])})" if title else ""
    return Refused(f"expected a file, got a web page{named}")
