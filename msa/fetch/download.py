"""Download: one file from the first of its sources that gives it."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from msa.base.errors import InputError
from msa.base.lock import Seen, record
from msa.fetch.answer import Refused, Slow, Version
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
    first: float = 20,
) -> None:
    """Fetch a file; one that is there already, or comes meanwhile by hand, is left as it is.

    What was fetched is kept beside it as `.part`, for the next run, until all of it is there.

    Args:
        urls: sources in order: http(s), share links of Google Drive or Dropbox, `gdrive:ID`, files
            of the hub (`hf://datasets/OWNER/NAME@REVISION/FILE`).
        output: file to write.
        sha256: what it must be, from whichever source.
        lock: file that says what each source gave when it was first seen; need not exist. What
            comes from another source than the first is recorded here, the first's by `check`.
        size: in bytes, if known.
        manual: what the file is and where a person gets it.
        patience: with a server.
        first: seconds until its first new byte, before another source is asked.

    Raises:
        InputError: no source gives it, or it cannot be written.
    """
    if _is_there(output):
        return
    by_hand = (
        f"By hand: {manual or 'get the file where you can'}; put it there and run again: {output}"
    )
    if not urls:
        raise InputError(f"{output.name}: only a person can fetch it. {by_hand}")
    part = output.with_name(output.name + ".part")
    reasons = {}
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        partial = partial_version(part)
        # what is half there comes first
        *others, last = sorted(urls, key=lambda url: partial is None or url != partial.url)
        asks = [*((url, replace(patience, first=first)) for url in others), (last, patience)]
        for url, limits in asks:
            sources = (None, url) if url == urls[0] else (url,)
            try:
                seen = _fetch(url, part, sha256, lock, sources, size, limits)
            except Refused as error:
                reasons[url] = f"{browsable_url(url)}: {error}"
                print(reasons[url], file=sys.stderr)
                if isinstance(error, Slow):
                    asks.append((url, patience))
            else:
                if not _is_there(output):
                    if lock and (seen.source or lock.exists()):
                        record(lock, output.name, seen)
                    part.replace(output)
                    print(f"{output}: fetched from {browsable_url(url)}", file=sys.stderr)
                discard(part)
                return
    except InputError as error:
        raise InputError(f"{error}. {by_hand}") from error
    except OSError as error:
        raise InputError(f"{error.filename or part}: {error.strerror}. {by_hand}") from error
    raise InputError(
        f"{output.name}: could not be downloaded: {'; '.join(reasons.values())}. {by_hand}"
    )


def _is_there(output: Path) -> bool:
    if exists := output.exists():
        print(f"{output}: is there already and is left as it is", file=sys.stderr)
    return exists


def _fetch(
    url: str,
    part: Path,
    sha256: str | None,
    lock: Path | None,
    sources: Sequence[str | None],
    size: int | None,
    patience: Patience,
) -> Seen:
    """Fetch the right file from one source, or raise Refused."""
    checksum_known, may_retry = bool(expected_sha256(sha256, lock, sources)), True
    while True:
        continued = transfer(url, part, size, checksum_known, patience)
        fetched = partial_version(part) or Version(url)
        try:
            actual = verify(part, "its file", sha256, lock, sources)
            if fetched.sha256 not in (None, actual):
                raise InputError(f"expected the SHA-256 {fetched.sha256} (the hub's), got {actual}")
        except InputError as error:
            discard(part)
            # pieces of two versions, perhaps: once more from the start
            if not (continued and may_retry):
                raise Refused(str(error)) from error
            may_retry = False
        else:
            named = None not in sources or fetched.revision
            return Seen(actual, url if named else None, fetched.revision)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("output", type=Path, help="file to write")
    parser.add_argument("--url", nargs="*", default=[], help="where it is, sources in order")
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
