"""Pack: a trained system as one folder that predicts anywhere, to keep or to share.

It holds the weights of all runs, their settings, what cleaned the training data, the text encoder
or its name, how videos were extracted, the scores, and a model card; JSON and safetensors alone.
The same system gives the same bytes.
"""

import argparse
import json
import shutil
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msa import __version__
from msa.base.atomic import atomic_folder, atomic_path
from msa.base.errors import InputError
from msa.base.provenance import digest
from msa.base.reading import read_json, said
from msa.config.check import load
from msa.config.configuration import Config
from msa.config.encoders import Encoder, text_encoder
from msa.config.licences import UNKNOWN, licences
from msa.data.own_input import expectation
from msa.inference.card import model_card
from msa.inference.content import CONTENT, FORMAT, check_files, listed, read_content
from msa.inference.extraction import own_folders
from msa.inference.packed import tensors
from msa.inference.packed_encoder import pack_encoder
from msa.inference.system import System, hashed, open_system
from msa.training.run import read_settings

READ = ("align", "pauses", "task", "features")  # what prediction reads of a recipe
COMMERCIAL = {"yes": False, "no": True}  # what an extractor says, and `noncommercial`
STALE = ("runs/", "encoder/", "training_ids.json")  # what another system may have left on the hub


def write_pack(
    folder: Path, result: Path, config_files: Sequence[Path], about: str, languages: Sequence[str]
) -> dict[str, Any]:
    """Fill an empty folder with a system.

    Args:
        folder: the empty one.
        result: its file.
        config_files: that the workflow was given.
        about: the user's own words for the card, Markdown.
        languages: of the data, for the card.

    Returns:
        The content of its system.json.

    Raises:
        InputError: the runs are not those of the result, or of another configuration.
    """
    from safetensors.numpy import save

    if not result.is_file():
        raise InputError(f"{result}: expected a result, such as results/mine/lmf.json, got none")
    scores, config = read_json(result, "targets", "provenance"), load(config_files)
    system = open_system(result, config_files)
    every = [read_settings(run) for run in system.runs]
    encoder = text_encoder(config, every[0]["dataset"]) if system.encoder else None
    names, forms = [], every[0]["forms"]
    cleanings = {
        name: system.cleanings[name] for name in forms.values() if name in system.cleanings
    }
    for run, settings in zip(system.runs, every, strict=True):
        names.append(f"{settings['target']}/{settings['seed']}")
        _write_run(folder / "runs" / names[-1], run, settings, encoder)
    (folder / "cleaning.safetensors").write_bytes(save(tensors(cleanings)))
    shutil.copyfile(result, folder / "result.json")
    if system.training_ids is not None:
        salt = digest(json.dumps(scores["provenance"]["data_digest"], sort_keys=True).encode())
        ids = sorted(hashed(system.training_ids, salt).tolist())
        _write_json(folder / "training_ids.json", {"salt": salt, "ids": ids})
    content = {
        "format": FORMAT,
        "packed_by": __version__,
        **{key: every[0][key] for key in ("dataset", "model", "variant")},
        "runs": names,
        "recipe": {key: system.recipe[key] for key in READ if key in system.recipe},
        "cleaning": {name: cleaning.policy for name, cleaning in cleanings.items()},
        "encoder": pack_encoder(folder / "encoder", encoder, system.runs[0], forms),
        "extraction": system.extraction
        and {key: system.extraction[key] for key in ("settings", "extractors")},
        "licences": ledger(config, every[0], system),
    }
    reads = expectation(forms, system.recipe, cleanings)
    card = model_card(content, scores, config, forms, reads, about, languages)
    (folder / "README.md").write_text(card, encoding="utf-8")
    content["files"] = listed(folder)
    _write_json(folder / CONTENT, content)
    return content


def ledger(config: Config, settings: Mapping[str, Any], system: System) -> list[dict[str, Any]]:
    """The licences behind a system, as of `licences`; of extractors and released weights too."""
    made = system.extraction["extractors"] if system.extraction else {}
    entries = [
        entry for entry in licences(config, settings["dataset"]) if entry["what"] not in made
    ]
    entries += [
        {
            "what": sequence,
            "name": facts["name"],
            "licence": facts["licence"],
            "noncommercial": COMMERCIAL.get(facts["commercial"]),
        }
        for sequence, facts in made.items()
    ]
    if settings["variant"] == "released":
        name = f"{settings['model']}, its authors'"
        entries.append({"what": "weights", "name": name, "licence": UNKNOWN, "noncommercial": None})
    return entries


def _write_run(
    folder: Path, run: Path, settings: Mapping[str, Any], encoder: Encoder | None
) -> None:
    folder.mkdir(parents=True)
    hyper = settings["hyperparameters"]
    public = {
        **settings,
        # the user's own folders are nobody else's
        "encoder": settings["encoder"] and encoder and _name(encoder),
        "hyperparameters": {**hyper, "checkpoint": hyper["checkpoint"] and "released"},
    }
    _write_json(folder / "settings.json", public)
    _write_json(folder / "training.json", read_json(run / "training.json"))
    shutil.copyfile(run / "model.safetensors", folder / "model.safetensors")


def _name(encoder: Encoder) -> str:
    return encoder.version if encoder.kind == "hub" else encoder.slug


def _read_about(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: expected Markdown in UTF-8, got: {said(error)}") from error


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


@contextmanager
def _written(output: Path) -> Iterator[Path]:
    """An empty folder that becomes a folder, or a .zip, in place of an earlier pack at most."""
    if output.suffix != ".zip":
        if output.exists():
            _require_pack(output)
        with atomic_folder(output) as folder:
            yield folder
        return
    if output.exists() and not _is_zipped(output):
        raise InputError(f"{output}: expected a new file, got one that is no pack; give another")
    with TemporaryDirectory() as temporary, atomic_path(output) as path:
        yield Path(temporary)
        _zip(Path(temporary), path)


def _require_pack(folder: Path) -> None:
    """Raise an InputError unless nothing but an earlier pack is lost with a folder."""
    try:
        content = read_content(folder / CONTENT, f"{folder}/{CONTENT}")
        check_files(folder, content["files"])
    except InputError as error:
        raise InputError(
            f"{folder}: expected a new folder, or a pack as it was packed, got another: {error}"
        ) from error
    if hidden := [path.name for path in folder.iterdir() if path.name.startswith(".")]:
        raise InputError(f"{folder}: expected a new folder, got one with {hidden[0]} in it")


def _is_zipped(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return CONTENT in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def _zip(folder: Path, path: Path) -> None:
    """Every file as it is, for numbers hardly shrink, with one date."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(file for file in folder.rglob("*") if file.is_file()):
            info = zipfile.ZipInfo(file.relative_to(folder).as_posix())
            info.external_attr = 0o644 << 16
            with file.open("rb") as source, archive.open(info, "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target)


def say_licences(entries: Sequence[Mapping[str, Any]], where: str) -> None:
    """Say on stderr which licences are to be looked at before others get a system."""
    for entry in entries:
        told = {False: "", True: "non-commercial", None: "not known whether commercial"}
        shared_alike = any(mark in entry["licence"].lower() for mark in ("-sa", "sharealike"))
        uses = [told[entry["noncommercial"]], "share alike" if shared_alike else ""]
        if use := ", ".join(filter(None, uses)):
            print(
                f"{where}: look at the licence of the {entry['what']} {entry['name']}: "
                f"{entry['licence']} ({use})",
                file=sys.stderr,
            )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("result", type=Path, help="such as results/mine/self_mm.json")
    parser.add_argument("output", type=Path, help="folder to write, or file .zip")
    parser.add_argument("--configfile", type=Path, nargs="+", default=[Path("config.yaml")])
    parser.add_argument(
        "--about", type=Path, help="Markdown of your own for the model card: data, use, limits"
    )
    parser.add_argument(
        "--language", nargs="+", default=[], help="of the data, for the card: en, zh, ..."
    )
    parser.add_argument(
        "--push", metavar="OWNER/NAME", help="commit it to a model of the Hugging Face hub, private"
    )
    parser.add_argument("--public", action="store_true", help="with --push, for everybody to see")


def main(args: argparse.Namespace) -> None:
    if args.public and not args.push:
        raise InputError("--public: expected --push OWNER/NAME with it, got none")
    if args.push:
        from msa.fetch.repository import push, require_push

        require_push(args.push)
    about = _read_about(args.about) if args.about else ""
    with _written(args.output) as folder:
        content = write_pack(folder, args.result, args.configfile, about, args.language)
        sha256 = digest((folder / CONTENT).read_bytes())
        if args.push:
            say_licences(content["licences"], f"hf://{args.push}")
            commit, private = push(folder, args.push, args.public, STALE)
            seen = "private" if private else "public"
            print(f"hf://{args.push}@{commit} ({seen})")
    for key, name in own_folders((content["extraction"] or {}).get("settings", {})).items():
        print(
            f"{args.output}: {key}: the pack does not hold the model in your folder {name}: who "
            "predicts for clips needs it in a folder of that name",
            file=sys.stderr,
        )
    size = sum(file["size"] for file in content["files"].values())
    print(f"{args.output}: {len(content['runs'])} runs, {size / 1e6:.1f} MB, --sha256 {sha256}")
