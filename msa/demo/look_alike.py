"""Look-alike: made-up files in place of a recipe's raw files, to try what comes after.

Of a table of segments, which is no recipe's, it is a template; the recipe that reads it is printed.
"""

import argparse
import importlib
from pathlib import Path
from typing import Any

import numpy as np

from msa.base.errors import InputError
from msa.demo.look_alikes import LOOK_ALIKES

# recipe -> (layout, keywords)
RECIPES: dict[str, tuple[str, dict[str, Any]]] = {
    "mosi": ("csd", {"dataset": "mosi"}),
    "mosei": ("csd", {"dataset": "mosei"}),
    "mosei_emotion": ("csd", {"dataset": "mosei"}),
    "pom": ("csd", {"dataset": "pom"}),
    "mosi_mag": ("mag", {"vision": 47}),
    "mosei_mag": ("mag", {"vision": 35}),
    "mosi_mag_deberta": ("mag", {"vision": 47}),
    "mosei_mag_deberta": ("mag", {"vision": 35}),
    "mosi_cmbert": ("cm_bert", {}),
    "mosi_mmsa": ("mmsa", {"dataset": "mosi", "aligned": True}),
    "mosei_mmsa": ("mmsa", {"dataset": "mosei", "aligned": True}),
    "mosi_mmsa_unaligned": ("mmsa", {"dataset": "mosi", "aligned": False}),
    "mosei_mmsa_unaligned": ("mmsa", {"dataset": "mosei", "aligned": False}),
    "sims": ("mmsa", {"dataset": "sims"}),
    "sims_v2": ("mmsa", {"dataset": "sims_v2"}),
    "mosi_mult": ("mult", {"dataset": "mosi", "aligned": True}),
    "mosei_mult": ("mult", {"dataset": "mosei", "aligned": True}),
    "iemocap_mult": ("mult", {"dataset": "iemocap", "aligned": True}),
    "mosi_mult_unaligned": ("mult", {"dataset": "mosi", "aligned": False}),
    "mosei_mult_unaligned": ("mult", {"dataset": "mosei", "aligned": False}),
    "iemocap_unaligned": ("mult", {"dataset": "iemocap", "aligned": False}),
    "mosi_lmf": ("lmf", {"dataset": "mosi"}),
    "iemocap_lmf": ("lmf", {"dataset": "iemocap"}),
    "pom_lmf": ("lmf", {"dataset": "pom"}),
    "urfunny": ("hkt", {"dataset": "ur_funny"}),
    "mustard": ("hkt", {"dataset": "mustard"}),
    "urfunny_albert": ("hkt", {"dataset": "ur_funny"}),
    "mustard_albert": ("hkt", {"dataset": "mustard"}),
    "cherma": ("cherma", {}),
    "mosei_msaf": ("msaf", {}),
}
TABLE = "table"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "recipe", choices=[*RECIPES, TABLE], help="whose raw files to make; table: a template"
    )
    parser.add_argument(
        "folder",
        type=Path,
        nargs="?",
        help="such as data/<recipe>/raw; of a table it may be left out, to see its recipe alone",
    )
    parser.add_argument("--seed", type=int, default=0, help="other numbers of the same kind")


def main(args: argparse.Namespace) -> None:
    layout, keywords = RECIPES.get(args.recipe, (TABLE, {}))
    module = importlib.import_module(LOOK_ALIKES[layout])
    if args.folder is None and layout != TABLE:
        raise InputError(
            f"look-alike {args.recipe}: expected a folder to write into, such as "
            f"data/{args.recipe}/raw"
        )
    if args.folder is not None:
        module.write(args.folder, np.random.default_rng(args.seed), **keywords)
    if layout == TABLE:
        print(module.recipe(args.folder or Path("my/table")), end="")
