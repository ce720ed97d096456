"""Refuse leakage: stop where the audit of a data set found some, as `audit: strict` asks for."""

import argparse
from pathlib import Path

from msa.base.atomic import atomic_write
from msa.base.errors import InputError
from msa.base.reading import read_json
from msa.data.findings import leakage


def refuse(path: Path) -> None:
    """Raise an InputError with every leak that an audit found, and the first ids of each.

    Args:
        path: audit.json.
    """
    if leaks := leakage(read_json(path, "findings")):
        raise InputError(
            f"{path}: expected no leakage between the folds, got:\n"
            + "".join(f"  {leak}\n" for leak in leaks)
            + f"  All pairs stand in {path}. Put what belongs together into one fold, leave it out "
            "of the files, or go on as it is with `audit: report` in the recipe"
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("audit", type=Path, help="audit.json, written by audit")
    parser.add_argument("--output", type=Path, required=True, help="empty file: there is none")


def main(args: argparse.Namespace) -> None:
    refuse(args.audit)
    with atomic_write(args.output):
        pass
