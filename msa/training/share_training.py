"""Share training: a run of a joint network for one target from that for another; of a closed form
that of one seed from another's.

Where two runs' settings differ in the target alone, their networks are the same to the bit, and one
training serves both; so it is with seeds where nothing is drawn.
"""

import argparse
import json
import shutil
from collections.abc import Collection
from pathlib import Path

from msa.base import provenance
from msa.base.atomic import atomic_path, atomic_write
from msa.base.errors import InputError
from msa.base.reading import read_json

COPIED = ("model.safetensors", "history.csv", "epochs.npz", "predictions/clean.npz")


def share(first: Path, run: Path, differ: Collection[str] = ("target",)) -> None:
    """Give a run what another one's training left; its own settings stay in the record's digest.

    Args:
        first: folder of the run that was trained.
        run: folder of the run to write into, with its settings.json.
        differ: `target`, `seed` or both.

    Raises:
        InputError: the two runs' settings differ in more than these.
    """
    trained, settings = (read_json(folder / "settings.json", "target") for folder in (first, run))
    apart = dict.fromkeys(differ)
    if settings | apart != trained | apart:
        raise InputError(
            f"{run}/settings.json: expected the settings of {first} with another "
            f"{' and '.join(differ)}; write them again, or train this one alone"
        )
    record = read_json(first / "training.json", "provenance", "wall_time_s")
    record["provenance"]["config_digest"] = provenance.json_digest(settings)
    record["provenance"]["seed"] = settings["seed"]
    # its time is counted once, by the run that took it
    record |= {"wall_time_s": 0.0, "trained_with": {key: trained[key] for key in differ}}
    for name in COPIED:
        with atomic_path(run / name) as path:
            shutil.copyfile(first / name, path)
    with atomic_write(run / "training.json") as file:
        json.dump(record, file, indent=1)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("first", type=Path, help="folder of the run that was trained")
    parser.add_argument("run", type=Path, help="folder of the other one, with settings.json")
    parser.add_argument("--differ", nargs="+", choices=("target", "seed"), default=["target"])


def main(args: argparse.Namespace) -> None:
    share(args.first, args.run, args.differ)
