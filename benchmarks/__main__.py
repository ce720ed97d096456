"""`python -m benchmarks [NAME...]`: one table of all benchmarks, or of those named, and JSON.

A benchmark is a module beside this one with `run() -> list[dict]`. Each row has `name`, `value` and
`baseline` (or None) in `unit`, `ratio` of the first to the second (or None), and `wanted`, the goal
in words (or None).
"""

import argparse
import importlib
import json
import os
import platform
from importlib.metadata import version
from pathlib import Path

from tabulate import tabulate

from msa.base.provenance import processor

FOLDER = Path(__file__).parent
COLUMNS = ("name", "value", "baseline", "unit", "ratio", "wanted")


def names() -> list[str]:
    """The modules that have a `run`."""
    return [p.stem for p in sorted(FOLDER.glob("*.py")) if "\ndef run(" in p.read_text("utf-8")]


def machine() -> dict[str, object]:
    """What the figures were measured on, and how busy it was before."""
    return {
        "cpu": processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        **{package: version(package) for package in ("numpy", "h5py", "torch", "snakemake")},
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names()))
    parser.add_argument("--output", type=Path, help="JSON file to write")
    args = parser.parse_args()
    if unknown := set(args.names) - set(names()):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(names())}")
    on = machine()
    rows: list[dict[str, object]] = []
    for name in args.names or names():
        print(f"{name} ...", flush=True)
        rows += importlib.import_module(f"benchmarks.{name}").run()
    table = [[row[column] for column in COLUMNS] for row in rows]
    print("\n" + tabulate(table, COLUMNS, "github", floatfmt=".3g", missingval="-"))
    print("\n" + ", ".join(f"{key} {value}" for key, value in on.items()))
    if args.output:
        args.output.write_text(json.dumps({"machine": on, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
