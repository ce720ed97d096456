"""Data sets: what the catalogue has, what of it is here, what is missing and where to put it."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from msa.base.errors import InputError
from msa.base.lock import origin
from msa.base.schema import nearest
from msa.config.check import load
from msa.config.configuration import Config
from msa.config.fits import misfit
from msa.config.folds import whole
from msa.config.licences import licences
from msa.config.sources import Source, checked_file, data_sources, lock_file

INDENT = " " * 21


def bytes_text(count: int) -> str:
    """Bytes as kB, MB or GB."""
    return tqdm.format_sizeof(count, "B", 1000)


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files of a folder."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size


def state_of(config: Config, dataset: str) -> str:
    """What can be said of a data set in one word: prepared, ready, made here, or missing files."""
    if Path(config.path("data", dataset, "card.json")).is_file():
        return "prepared"
    sources = data_sources(config, dataset).values()
    if all(source.kind == "made" for source in sources):
        return "made here"
    missing = [source for source in sources if not Path(source.path).exists()]
    if not missing:
        return "ready"
    by_hand = sum(not source.urls for source in missing)
    note = f", {by_hand} by hand" if by_hand else ""
    return f"{len(missing)} of {len(sources)} files missing{note}"


def describe_source(config: Config, source: Source) -> Iterator[str]:
    """One file: here or missing, how large, its path, and where to get it or where it is from."""
    path = Path(source.path)
    if path.exists():
        yield f"here     {bytes_text(size_of(path)):>10}  {path}"
        checked, lock = f"{checked_file(config, source)}.sha256", lock_file(config, source)
        seen = origin(Path(checked), Path(lock)) if lock and source.kind == "raw" else None
        if seen and seen.source:
            yield f"{INDENT}from the mirror {seen.source}"
        return
    about = f"~{bytes_text(source.size)}" if source.size else "?"
    yield f"missing  {about:>10}  {path}{'' if source.urls else ' by hand'}"
    for url in source.urls:
        yield f"{INDENT}{'from' if url == source.urls[0] else 'or'} {url}"
    if source.sha256:
        yield f"{INDENT}SHA-256 {source.sha256}"


def describe(config: Config, dataset: str) -> Iterator[str]:
    """Lines on one data set and each of its files."""
    recipe = config.recipes[dataset]
    yield f"{dataset}: {recipe.get('title', '')} [{state_of(config, dataset)}]"
    expected = recipe.get("expected", {})
    if expected:
        counts = ", ".join(f"{count} {fold}" for fold, count in expected.items())
        yield f"  segments others report: {counts}"
    if "features" in recipe:
        shown = ", ".join(
            f"{name} {feature['name']} ({feature['width']})"
            for name, feature in recipe["features"].items()
        )
        yield f"  features: {shown}"
    for entry in licences(config, dataset):
        use = " (non-commercial)" if entry["noncommercial"] else ""
        yield f"  licence of the {entry['what']} {entry['name']}: {entry['licence']}{use}"
    if "note" in recipe:
        yield f"  note: {recipe['note']}"
    fitting = [model for model in config.models if not misfit(config, dataset, model)]
    yield f"  models: {', '.join(fitting)}"
    for source in data_sources(config, dataset).values():
        if source.kind != "made":
            yield from (f"  {line}" for line in describe_source(config, source))
    if "manual" in recipe and "missing" in state_of(config, dataset):
        yield f"  by hand: {recipe['manual']}"


def table(config: Config, datasets: Sequence[str]) -> Iterator[str]:
    """One line a data set."""
    name_width = max(map(len, datasets))
    states = {name: state_of(config, name) for name in datasets}
    state_width = max(map(len, states.values()))
    for name, state in states.items():
        yield f"{name:{name_width}}  {state:{state_width}}  {config.recipes[name].get('title', '')}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", help="show all about these; by default a line for each")
    parser.add_argument("--configfile", type=Path, nargs="+", default=[Path("config.yaml")])


def main(args: argparse.Namespace) -> None:
    config = load(args.configfile)
    for name in args.names:
        if name not in config.recipes:
            raise InputError(
                f"unknown data set {nearest(name, config.recipes)}; one of your own: --configfile"
            )
        print("\n".join(describe(config, name)))
    if not args.names:
        names = sorted(name for name in config.recipes if whole(config, name) == name)
        print("\n".join(table(config, names)))
        print("\n`python -m msa datasets NAME` says where a data set's files come from and go to.")
