"""Download: one file from the first mirror that gives it, resumed where it broke off."""

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from tqdm import tqdm
from urllib3.util import Retry

from msa.errors import InputError

TIMEOUT = (10, 60)  # seconds to connect, and between two reads


def session() -> requests.Session:
    """A session that tries again after network errors and server errors, with back-off."""
    retry = Retry(total=3, backoff_factor=0.5, status_forcelist=(429, 500, 502, 503, 504))
    http = requests.Session()
    for scheme in ("http://", "https://"):
        http.mount(scheme, HTTPAdapter(max_retries=retry))
    return http


def fetch(http: requests.Session, url: str, part: Path) -> None:
    """Fetch a URL into `part`, going on after the bytes that are there already.

    Raises:
        requests.RequestException: the server is gone, answers an error or breaks off.
        InputError: the answer is a web page, or shorter than it said.
    """
    have = part.stat().st_size if part.is_file() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with http.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
        if answer.status_code == 416:  # nothing after what is there: start again
            part.unlink()
            return fetch(http, url, part)
        answer.raise_for_status()
        if "text/html" in answer.headers.get("Content-Type", ""):
            raise InputError(f"{url}: expected a file, got a web page")
        resumed = answer.status_code == 206
        have = have if resumed else 0
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else None
        with (
            open(part, "ab" if resumed else "wb") as file,
            tqdm(total=total, initial=have, unit="B", unit_scale=True, desc=part.stem) as bar,
        ):
            for chunk in answer.iter_content(1 << 16):
                file.write(chunk)
                bar.update(len(chunk))
    if total is not None and part.stat().st_size != total:
        raise InputError(f"{url}: expected {total} bytes, got {part.stat().st_size}")


def sha256(path: Path) -> str:
    """A file's SHA-256, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download(urls: Sequence[str], output: Path, checksum: str | None = None) -> None:
    """Fetch one file from the first of its mirrors that works.

    Raises:
        InputError: none of them works, or the checksum is another.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    part = output.with_name(output.name + ".part")
    reasons = []
    for url in urls:
        try:
            fetch(session(), url, part)
        except (requests.RequestException, InputError) as error:
            reasons.append(f"{url}: {_reason(error)}")
            print(reasons[-1], file=sys.stderr)
            continue
        found = sha256(part) if checksum else None
        if found != checksum:
            part.unlink()
            reasons.append(f"{url}: expected the SHA-256 {checksum}, got {found}")
            continue
        part.replace(output)
        return
    raise InputError(
        f"{output.name}: could not be downloaded: {'; '.join(reasons)}. "
        f"If you have the file, put it into {output.parent}/ and run again"
    )


def _reason(error: Exception) -> str:
    """The innermost cause, without the layers that wrap it."""
    while isinstance(error, requests.RequestException) and error.args:
        inner = getattr(error.args[0], "reason", error.args[0])
        if not isinstance(inner, Exception):
            break
        error = inner
    return str(error).rpartition(": ")[2] or type(error).__name__


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("output", type=Path, help="file to write")
    parser.add_argument("--url", nargs="+", required=True, help="where it is, mirrors in order")
    parser.add_argument("--sha256", help="checksum to enforce")


def main(args: argparse.Namespace) -> None:
    download(args.url, args.output, args.sha256)
