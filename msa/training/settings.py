"""Settings: the one file from which training reads its hyperparameters."""

import argparse
import json
from contextlib import suppress
from pathlib import Path

from msa.base.atomic import atomic_write
from msa.base.errors import InputError


def write_settings(text: str, output: Path) -> None:
    """Write settings as readable JSON; a file that says the same already is left untouched.

    The order of keys says nothing: they are sorted, and those of a file may be in any order.
    """
    try:
        content = _readable(text)
    except ValueError as error:
        raise InputError(f"settings: expected JSON, got {text[:60]!r} ({error})") from error
    with suppress(OSError, ValueError):  # of a file that is not there, or is broken
        if _readable(output.read_text(encoding="utf-8")) == content:
            return
    with atomic_write(output) as file:
        file.write(content)


def _readable(text: str) -> str:
    return json.dumps(json.loads(text), indent=1, sort_keys=True) + "\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("output", type=Path, help="settings.json to write")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--json", help="the settings, resolved")
    source.add_argument("--configfile", type=Path, nargs="+", help="resolve them from these files")
    parser.add_argument("--dataset")
    parser.add_argument("--model")
    parser.add_argument("--seed", type=int, default=1)


def main(args: argparse.Namespace) -> None:
    text = args.json
    if args.configfile:
        from msa.config.check import load
        from msa.config.fits import require
        from msa.config.settings import run_settings

        config = load(args.configfile)
        require(config, args.dataset, args.model)
        text = json.dumps(run_settings(config, args.dataset, args.model, args.seed))
    write_settings(text, args.output)
