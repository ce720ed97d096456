"""Layouts: which of those that others circulate a file or folder is, and which it is nearest to."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from msa.base.errors import InputError
from msa.formats.content import FOLD_NAMES, describe, open_content
from msa.formats.importers import LAYOUTS, READ_AS_ASKED
from msa.formats.segments import EVERYTHING, Asked, Segments

# layout -> the keys, files and containers that it is made of, as `content_parts` finds them
PARTS = {
    "mag": "train valid test rows:3 features:3",
    "misa": "train valid test rows:3 features:4",
    "hkt": "train valid test rows:4 features:4",
    "mmsa": (
        "train valid test text audio vision regression_labels text_bert raw_text id "
        "classification_labels annotations"
    ),
    "mult": "train valid test text audio vision labels id",
    "lmf": "train valid test covarep facet glove label",
    "cm_bert": "train.tsv valid.tsv test.tsv .pkl",
    "msaf": "train valid test bert50.npy visual50.npy audio50.npy label50.npy",
    "cherma": "train.json valid.json test.json text/ audio/ visual/",
    "table": "segments.csv audio/ vision/",
}


def layout_problems(content: Any) -> dict[str, list[str]]:
    """By layout, what speaks against it; nothing for the layout that it is."""
    return {
        name: importlib.import_module(module).problems(content) for name, module in LAYOUTS.items()
    }


def read_layout(
    path: Path,
    layout: str,
    asked: Asked = EVERYTHING,
    options: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Segments]:
    """The folds of a file or folder that is of a layout, and has what is asked for.

    Args:
        path: the file or folder.
        layout: its name.
        asked: what is wanted of a layout that is read as asked.
        options: keywords for the layout's `read`, for one that takes some.

    Raises:
        InputError: it is of another one: what was expected, what is there, what it may be; or
            it is broken.
    """
    content = open_content(path)
    # the others only where they are needed: what is imported is what the result depends on
    narrowed = [asked] if layout in READ_AS_ASKED else []
    mismatches = importlib.import_module(LAYOUTS[layout]).problems(content, *narrowed)
    if not mismatches:
        return _read(path, layout, content, *narrowed, **options)
    problem = f"{path}: expected the layout {layout}: {'; '.join(mismatches)}"
    matching = [name for name, wrong in layout_problems(content).items() if not wrong]
    if asked != EVERYTHING and narrowed and layout in (*matching, _nearest(content)):
        raise InputError(
            f"{problem}; mend it, or ask for what it has: the recipe's `holds` and `task`"
        )
    is_one = (
        f"it is of the layout {', '.join(matching)}"
        if matching
        else nearest_layout(content, said=layout)
    )
    raise InputError(
        f"{problem}; {is_one}; give a file of the layout {layout}, or choose a recipe that imports "
        "what you have"
    )


def recognize(
    path: Path, rates: Mapping[str, float] = MappingProxyType({})
) -> tuple[str, dict[str, Segments]]:
    """The layout of a file or folder, and its folds.

    Args:
        path: the file or folder.
        rates: rows a second of a table's arrays.

    Raises:
        InputError: it is of none that is known, with the nearest; or it is broken.
    """
    content = open_content(path)
    found = [name for name, wrong in layout_problems(content).items() if not wrong]
    if not found:
        raise InputError(f"{path}: {nearest_layout(content)}")
    return found[0], _read(path, found[0], content, **({"rates": rates} if rates else {}))


def _read(
    path: Path, layout: str, content: Any, *asked: Asked, **options: Any
) -> dict[str, Segments]:
    try:
        return importlib.import_module(LAYOUTS[layout]).read(content, *asked, **options)
    except InputError as error:
        if layout == "table":  # the user's own, of which a feature file may be named already
            raise InputError(
                str(error) if str(path) in str(error) else f"{path}: {error}"
            ) from error
        raise InputError(f"{path}: {error}; mend it, or fetch it again") from error
    except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise InputError(
            f"{path}: of the layout {layout} by its first rows, but a later one is broken: "
            f"{type(error).__name__}: {error}; fetch it again"
        ) from error


def content_parts(content: Any) -> set[str]:
    """What a content is made of: its folds by our names, other keys and files, and containers."""
    if isinstance(content, Path):
        inside = {path.name: path if path.is_dir() else None for path in content.iterdir()}
        folder_parts: set[str] = set()
        for name, folder in inside.items():
            stem, dot, ending = name.partition(".")
            if ending in ("pkl", "pickle"):
                folder_parts.add(".pkl")
            elif folder is not None and stem not in FOLD_NAMES:
                folder_parts.add(f"{name}/")
            else:
                folder_parts.add(FOLD_NAMES.get(stem, stem) + dot + ending)
                folder_parts |= {path.name for path in folder.iterdir()} if folder else set()
        return folder_parts
    if isinstance(content, Mapping):
        value_parts = [content_parts(value) for value in content.values()]
        return {str(FOLD_NAMES.get(key, key)) for key in content}.union(*value_parts)
    if isinstance(content, list) and content and isinstance(content[0], tuple | list):
        inner = content[0][0] if content[0] else None
        features = {f"features:{len(inner)}"} if isinstance(inner, tuple | list) else set()
        return {f"rows:{len(content[0])}"} | features
    return set()


def nearest_layout(content: Any, said: str | None = None) -> str:
    """The known layout of which most is there and least missing, and what speaks against it.

    Not again, where that is `said`.
    """
    nearest = _nearest(content)
    if nearest is None:
        problem = f"({', '.join(LAYOUTS)}), nor like one: {describe(content)}"
        return f"it is of no known layout {problem}{_way_in(content)}"
    found = f"it is of no known layout, the nearest is {nearest}"
    if nearest == said:
        return found
    problem = "; ".join(importlib.import_module(LAYOUTS[nearest]).problems(content))
    return f"{found}: {problem}{_way_in(content)}"


def _nearest(content: Any) -> str | None:
    """None where it is like none."""
    names = content_parts(content)
    likeness = {}
    for name in LAYOUTS:
        expected = set(PARTS[name].split())
        likeness[name] = len(names & expected), -len(expected - names)
    nearest = max(likeness, key=likeness.__getitem__)
    return nearest if likeness[nearest][0] else None


def _way_in(content: Any) -> str:
    """Where to read how a folder of arrays goes in; nothing for anything else."""
    inside = [*content.glob("*"), *content.glob("*/*")] if isinstance(content, Path) else []
    if not any(path.suffix in (".npy", ".npz", ".h5", ".hdf5") for path in inside):
        return ""
    return '; arrays go in as README.md, "Your own data", says, and docs/own_data.md shows'
