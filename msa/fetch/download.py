"""Download: one file from the first of its mirrors that gives it."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from msa.base.errors import InputError
from msa.fetch.answer import Refused
from msa.fetch.check import expected_sha256, verify
from msa.fetch.share_links import browsable_url
from msa.fetch.transfer import Patience, discard, partial_version, transfer


def download(
    urls: Sequence[str],
    output: Path,
    *,
    sha256: str | None = None,
    lock: Path | None = None,
    size: int | None = None,
    manual: str | None = None,
    patience: Patience = Patience(),  # noqa: B008
) -> None:
    """Fetch a file; one that is there already, or comes meanwhile by hand, is left as it is.

    What was fetched is kept beside it as `.part`, for the next run, until all of it is there.

    Args:
        urls: mirrors in order: http(s), share links of Google Drive or Dropbox, `gdrive:ID`.
        output: file to write.
        sha256: what it must be.
        lock: file that says what it was when it was first seen; need not exist.
        size: in bytes, if known.
        manual: what the file is and where a person gets it.
        patience: with a server.

    Raises:
        InputError: no mirror gives it, or it cannot be written.
    """
    if _is_there(output):
        return
    by_hand = (
        f"By hand: {manual or 'get the file where you can'}; put it there and run again: {output}"
    )
    if not urls:
        raise InputError(f"{output.name}: only a person can fetch it. {by_hand}")
    part = output.with_name(output.name + ".part")
    reasons = []
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        partial = partial_version(part)
        # what is half there comes first
        for url in sorted(urls, key=lambda url: partial is None or url != partial.url):
            try:
                _fetch(url, part, sha256, lock, size, patience)
            except Refused as error:
                reasons.append(f"{browsable_url(url)}: {error}")
                print(reasons[-1], file=sys.stderr)
            else:
                if not _is_there(output):
                    part.replace(output)
                discard(part)
                return
    except InputError as error:
        raise InputError(f"{error}. {by_hand}") from error
    except OSError as error:
        raise InputError(f"{error.filename or part}: {error.strerror}. {by_hand}") from error
    raise InputError(f"{output.name}: could not be downloaded: {'; '.join(reasons)}. {by_hand}")


def _is_there(output: Path) -> bool:
    if exists := output.exists():
        print(f"{output}: is there already and is left as it is", file=sys.stderr)
    return exists


def _fetch(
    url: str,
    part: Path,
    sha256: str | None,
    lock: Path | None,
    size: int | None,
    patience: Patience,
) -> None:
    """Fetch the right file from one mirror, or raise Refused."""
    checksum_known = expected_sha256(sha256, lock) is not None
    for may_retry in (True, False):
        continued = transfer(url, part, size, checksum_known, patience)
        try:
            verify(part, "its file", sha256, lock)
            return
        except InputError as error:
            discard(part)
            # pieces of two versions, perhaps: once more from the start
            if not (continued and may_retry):
                raise Refused(str(error)) from error


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("output", type=Path, help="file to write")
    parser.add_argument("--url", nargs="*", default=[], help="where it is, mirrors in order")
    parser.add_argument("--sha256", help="what it must be")
    parser.add_argument("--lock", type=Path, help="what it was when first seen, if that is known")
    parser.add_argument("--size", type=int, help="its bytes, if known")
    parser.add_argument("--manual", help="what it is and where a person gets it")
    parser.add_argument("--timeout", type=float, default=60, help="seconds a server may be silent")
    parser.add_argument("--tries", type=int, default=5, help="in a row that bring nothing new")


def main(args: argparse.Namespace) -> None:
    patience = Patience(min(10, args.timeout), args.timeout, args.tries)
    download(
        args.url,
        args.output,
        sha256=args.sha256,
        lock=args.lock,
        size=args.size,
        manual=args.manual,
        patience=patience,
    )
