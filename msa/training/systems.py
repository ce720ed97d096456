"""The tables of docs/models.md: what each system is, and where its released code is not sound.

The registry and the model recipes say it all; the numbers of parameters are those of the models
that the constructors make.
"""

import argparse
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import yaml
from transformers import BertConfig, BertModel

from msa.base.atomic import atomic_write
from msa.base.bibtex import cited
from msa.base.errors import InputError
from msa.base.workflow import WORKFLOW
from msa.config.layers import merge, read_yaml
from msa.config.references import authority
from msa.models import MODELS, model_class
from msa.training.network import build

RECIPES = WORKFLOW / "recipes" / "models"
# MOSI's GloVe text, COVAREP, FACET, and those of MMSA's files; hcf as where there is any
WIDTHS = {"text": 300, "audio": 74, "vision": 47, "hcf": 4}
MMSA_WIDTHS = {"text": 768, "audio": 5, "vision": 20}
FORMS = {"features": "encoder features", "glove": "GloVe"}
BEGIN, END = "<!-- {}: made by python -m msa systems -->\n", "<!-- end of {} -->\n"


def read_recipes(folder: Path = RECIPES) -> dict[str, dict[str, Any]]:
    """The recipes of all registered models, in the registry's order."""
    return {name: read_yaml(folder / f"{name}.yaml") for name in MODELS}


def parameters(name: str, recipe: Mapping[str, Any]) -> int | None:
    """How many a model has at MOSI's widths, without the encoder; None if it learns otherwise.

    Its settings, and MMSA's widths or not, are the first ones published for MOSI, or else the
    recipe's.
    """
    if hasattr(model_class(name), "fit"):
        return None
    published = recipe.get("published", {})
    dataset = next((name for name in published if name.startswith("mosi")), "")
    settings = merge(recipe["settings"], published.get(dataset, {}).get("settings", {}))
    text = recipe["needs"].get("text", [None])[0]
    every = WIDTHS | (MMSA_WIDTHS if "mmsa" in dataset else {})
    widths = {modality: every[modality] for modality in recipe["needs"]}
    with torch.device("meta"):  # shapes alone
        bert = BertModel(BertConfig())
        encoder = {id(p): p for p in bert.parameters()}  # kept, lest a model drop some
        if text in ("words", "features"):
            widths["text"] = bert.config.hidden_size
        run: dict[str, Any] = {
            "model": name,
            "task": {"type": "regression", "targets": ["sentiment"]},
            "hyperparameters": {"architecture": settings.get("architecture", {})},
        }
        fold: Any = SimpleNamespace(widths=widths)
        network = build(run, fold, bert if text == "words" else None)
    return sum(p.numel() for p in network.parameters() if id(p) not in encoder)


def systems_table(recipes: Mapping[str, Mapping[str, Any]]) -> str:
    """A row a system."""
    rows = []
    for name, recipe in recipes.items():
        forms, count = recipe["needs"].get("text", []), parameters(name, recipe)
        cite = recipe.get("cite")
        year = re.search(r"year\s*=\s*\D?(\d{4})", cited([cite])[0]) if cite else None
        texts = " / ".join(FORMS.get(form, form) for form in forms)
        rows.append(
            [
                f"{_short(recipe)} `{name}`",
                year[1] if year else "",
                ", ".join([texts] * bool(texts) + [m for m in recipe["needs"] if m != "text"]),
                recipe.get("alignment") or _alignment(forms),
                "" if count is None else f"{count:,}",
                _partly(forms, "yes", "with words", "no"),
                authority(recipe) or "",
                str(len(recipe.get("traps", []))),
                ", ".join(f"`{dataset}`" for dataset in recipe.get("published", {})),
            ]
        )
    head = "system | year | reads | alignment | parameters | fine-tunes an encoder"
    return _table(f"{head} | authority | traps | published for".split(" | "), rows)


def traps_table(recipes: Mapping[str, Mapping[str, Any]]) -> str:
    """A row a trap, with the settings that go into it as inline YAML."""
    rows = []
    for recipe in recipes.values():
        for trap in recipe.get("traps", []):
            style: dict[str, Any] = {"default_flow_style": True, "sort_keys": False}
            text = yaml.safe_dump(trap.get("settings", {}), width=1000, **style).strip()[1:-1]
            rows.append([_short(recipe), trap["released"], f"`{text}`" if text else "none"])
    return _table(["system", "what the released code does", "setting that does it too"], rows)


def fill(page: str, tables: Mapping[str, str]) -> str:
    """A page with each table between its two comments, in place of what was there.

    Raises:
        InputError: one of the comments is not there.
    """
    for name, table in tables.items():
        begin, end = BEGIN.format(name), END.format(name)
        if page.count(begin) != 1 or page.count(end) != 1:
            raise InputError(f"expected the lines {begin.strip()} and {end.strip()} once each")
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n{table}\n{end}{rest.partition(end)[2]}"
    return page


def tables(recipes: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Both tables by the name in their comments."""
    return {"systems": systems_table(recipes), "traps": traps_table(recipes)}


def _short(recipe: Mapping[str, Any]) -> str:
    return re.split(r" \(|, ", recipe["title"])[0]


def _partly(forms: Sequence[str], every: str, some: str, none: str) -> str:
    """Which it is if every form of the text is words, some are, or none."""
    return none if "words" not in forms else some if len(forms) > 1 else every


def _alignment(forms: Sequence[str]) -> str:
    return _partly(forms, "aligned", "aligned; vectors either", "either")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([c.replace("|", r"\|") for c in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("page", type=Path, help="docs/models.md, whose tables are made anew")
    parser.add_argument("--recipes", type=Path, default=RECIPES, help="folder of model recipes")


def main(args: argparse.Namespace) -> None:
    page = fill(args.page.read_text(encoding="utf-8"), tables(read_recipes(args.recipes)))
    with atomic_write(args.page) as file:
        file.write(page)
