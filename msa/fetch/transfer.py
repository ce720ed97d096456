"""Transfer: one address's file, continued where it broke off, never from two of its versions."""

import json
import math
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import requests
from requests.exceptions import (
    ChunkedEncodingError,
    InvalidSchema,
    InvalidURL,
    MissingSchema,
    TooManyRedirects,
)
from tqdm import tqdm

from msa.base.atomic import atomic_write
from msa.fetch.answer import (
    CHUNK,
    Broken,
    Refused,
    Slow,
    Version,
    begins_at,
    chunked,
    request_file,
    require_beginning,
    version,
)

QUIET = 30  # seconds between two lines of progress where there is no terminal


@dataclass(frozen=True)
class Patience:
    """How long to bear with a server; times in seconds.

    Attributes:
        connect: until it takes the connection.
        read: until it sends something more.
        tries: in a row that bring nothing new.
        pause: before the second try, doubled for each further one.
        longest: that the server may ask to wait.
        first: until its first new byte.
    """

    connect: float = 10
    read: float = 60
    tries: int = 5
    pause: float = 1
    longest: float = 120
    first: float = math.inf


def transfer(
    url: str, part: Path, size: int | None, checksum_known: bool, patience: Patience
) -> bool:
    """Fetch what an address gives into `part`, trying again as long as that brings it further.

    Args:
        url: http(s), a share link, or a file of the hub.
        part: file to write; continued if it is the beginning of this address's file.
        size: in bytes, if known.
        checksum_known: the caller knows the checksum: bytes of an unknown version may be continued.
        patience: with the server.

    Returns:
        Whether the file was put together from several answers.

    Raises:
        Slow: it has sent nothing new in the time that it has for that.
        Refused: this address does not give it, or the disk is too small for it.
    """
    partial = partial_version(part)
    failures, furthest = 0, bytes_fetched(part) if partial and partial.url == url else 0
    answer_by = time.monotonic() + patience.first
    with requests.Session() as http:
        http.max_redirects = 10
        while True:
            try:
                rest = max(0.01, answer_by - time.monotonic())
                timeout = min(patience.connect, rest), min(patience.read, rest)
                return _attempt(http, url, part, size, checksum_known, timeout)
            except (InvalidURL, InvalidSchema, MissingSchema, TooManyRedirects) as error:
                raise Refused(_innermost(error)) from error
            except requests.RequestException as error:
                reason, wait = _innermost(error), 0.0
            except Broken as error:
                reason, wait = str(error), error.pause
            except ValueError as error:  # urllib's, not wrapped by requests
                raise Refused(f"it leads to an address that is none: {error}") from error
            if bytes_fetched(part) > furthest:
                failures, furthest, answer_by = 0, bytes_fetched(part), math.inf
            else:
                failures += 1
            if failures >= patience.tries:
                raise Refused(f"{reason} ({failures} tries in a row without progress)")
            if wait > patience.longest:
                raise Refused(f"{reason}, not to be asked again for {wait:.0f} s")
            wait = max(wait, patience.pause * 2 ** max(0, failures - 1))
            if time.monotonic() + wait >= answer_by:
                raise Slow(f"{reason} (no answer within {patience.first:g} s)")
            print(f"{part.stem}: {reason}; trying again", file=sys.stderr)
            time.sleep(wait)


def partial_version(part: Path) -> Version | None:
    """Which file `part` is the beginning of, if that is known."""
    try:
        return Version(**json.loads(_version_file(part).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def discard(part: Path) -> None:
    """Remove what was fetched."""
    part.unlink(missing_ok=True)
    _version_file(part).unlink(missing_ok=True)


def bytes_fetched(part: Path) -> int:
    """Bytes fetched so far."""
    return part.stat().st_size if part.is_file() else 0


def _attempt(
    http: requests.Session,
    url: str,
    part: Path,
    size: int | None,
    checksum_known: bool,
    timeout: tuple[float, float],
) -> bool:
    """One request, and whether its answer went on from what was there."""
    partial, offset = partial_version(part), bytes_fetched(part)
    if (
        not offset
        or partial is None
        or partial.url != url
        or not (partial.validator or partial.sha256 or checksum_known)
    ):
        partial, offset = None, 0
    elif offset == partial.length:
        _require_whole(part, offset if size is None else size)  # a process ended just before this
        return True
    headers = {"Accept-Encoding": "identity"}
    if partial:
        headers["Range"] = f"bytes={offset}-"
        if partial.validator:
            headers["If-Range"] = partial.validator
    answer, current = _request(http, url, headers, timeout)
    with answer:
        if answer.status_code == 200:
            partial = None
        elif partial is None or not begins_at(answer, offset) or current.contradicts(partial):
            discard(part)
            raise Broken("expected the rest of the file, got something else")
        lengths = (current.length, partial.length if partial else None, size)
        total = next((known for known in lengths if known is not None), None)
        if size not in (None, total):
            raise Refused(f"expected {size} bytes, the server has {total}")
        checked = checksum_known or current.sha256
        if total is None and not checked and not chunked(answer):
            raise Refused("the server does not say how long the file is: give its size or sha256")
        if total is not None:
            _require_disk(total - bytes_fetched(part), part)
        if partial is None:
            offset = 0
            part.write_bytes(b"")
            with atomic_write(_version_file(part)) as file:
                json.dump(asdict(current), file)
        with open(part, "ab") as file:
            for chunk in _with_progress(answer.iter_content(CHUNK), part.stem, offset, total):
                file.write(chunk)
    _require_whole(part, total)
    return offset > 0


def _request(
    http: requests.Session, url: str, headers: dict[str, str], timeout: tuple[float, float]
) -> tuple[requests.Response, Version]:
    """An answer, and which file it brings."""
    if url.startswith("hf://"):
        from msa.fetch.hub import request_hub_file  # slow to import

        return request_hub_file(http, url, headers, timeout)
    answer = request_file(http, url, headers, timeout)
    return answer, version(answer, url)


def _require_whole(part: Path, total: int | None) -> None:
    received = bytes_fetched(part)
    if total is not None and received < total:
        raise Broken(f"broke off after {received} of {total} bytes")
    with open(part, "rb") as file:
        beginning = file.read(1024)
    if received == 0 or (total is not None and received > total):
        discard(part)
        raise Refused(f"expected {total or 'some'} bytes, got {received}")
    try:
        require_beginning(beginning, part.stem)
    except Refused:
        discard(part)
        raise


def _require_disk(needed: int, part: Path) -> None:
    free = shutil.disk_usage(part.parent).free
    if needed > free:
        raise Refused(
            f"expected {_bytes(needed)} free in {part.parent}, got {_bytes(free)}: make room and "
            "run again, nothing that was fetched is lost"
        )


def _with_progress(
    chunks: Iterable[bytes], name: str, received: int, total: int | None
) -> Iterator[bytes]:
    """Pass chunks on and show how far they are: a bar on a terminal, else a line now and then."""
    last_report = time.monotonic()
    with tqdm(
        total=total, initial=received, unit="B", unit_scale=True, desc=name, disable=None
    ) as bar:
        for chunk in chunks:
            yield chunk
            received += len(chunk)
            bar.update(len(chunk))
            if bar.disable and time.monotonic() - last_report > QUIET:
                last_report = time.monotonic()
                of_total = f" of {_bytes(total)}" if total else ""
                print(f"{name}: {_bytes(received)}{of_total}", file=sys.stderr)


def _bytes(count: int) -> str:
    return tqdm.format_sizeof(count, "B", 1000)


def _version_file(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _innermost(error: Exception) -> str:
    """The innermost cause, without the layers that wrap it."""
    if isinstance(error, ChunkedEncodingError):
        return "the connection broke off"
    while isinstance(error, requests.RequestException) and error.args:
        inner = getattr(error.args[0], "reason", error.args[0])
        if not isinstance(inner, Exception):
            break
        error = inner
    return str(error).rpartition(": ")[2] or type(error).__name__
