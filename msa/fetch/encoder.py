"""Fetch a text encoder: one commit of a model of the hub, the files that `encode` reads."""

import argparse
import shutil
import sys
from pathlib import Path

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import disable_progress_bars

from msa.base.errors import InputError
from msa.fetch.check import check, digest, verify, write_checksum

WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # the first that there is
OTHER_FILES = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "spiece.model",
    "spm.model",
    "sentencepiece.bpe.model",
)


def fetch_encoder(name: str, revision: str, output: Path, lock: Path | None = None) -> None:
    """Fetch an encoder, or check the one that is there already, filled by hand perhaps.

    The environment variable HF_ENDPOINT names a mirror of the hub.

    Args:
        name: of the hub, such as "bert-base-uncased".
        revision: commit.
        output: folder to write; beside it, files that have come are kept for the next run.
        lock: file with the folder's SHA-256, written if missing.

    Raises:
        InputError: the hub cannot be reached or has no such encoder; it is not the one of `lock`.
    """
    if output.exists():
        check(output, lock=lock)
        return
    part = output.with_name(f"{output.name}.{revision[:12].replace('/', '-')}.part")
    by_hand = (
        f"By hand: put the files of {name}, commit {revision} ({WEIGHTS[0]} and, as far as it has "
        f"them, {', '.join(OTHER_FILES[:3])}, vocab.txt) into {output} and run again"
    )
    try:
        tree = HfApi().list_repo_tree(name, revision=revision)
        files = {file.path: file for file in tree if isinstance(file, RepoFile)}
        weights = [path for path in WEIGHTS if path in files][:1]
        names = weights + [path for path in OTHER_FILES if path in files]
        if not weights or "config.json" not in files:
            raise InputError(f"expected config.json and {WEIGHTS[0]}, got {', '.join(files)}")
        snapshot_download(name, revision=revision, local_dir=part, allow_patterns=names)
        for path in names:
            _verify_listed(part / path, files[path])
        shutil.rmtree(part / ".cache", ignore_errors=True)
    # its errors are those of the HTTP library below, another one from version to version
    except Exception as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise InputError(
            f"encoder {name}: could not be fetched: {reason.rstrip('.')}. {by_hand}"
        ) from error
    try:
        sha256 = verify(part, str(output), lock=lock)
    except InputError:
        shutil.rmtree(part)
        raise
    part.replace(output)
    if lock and not lock.exists():
        write_checksum(sha256, output.name, lock)


def files_that_are_read(folder: Path) -> list[str]:
    """The names of an encoder's files in its folder, weights first, as `encode` reads them."""
    weights = [name for name in WEIGHTS if (folder / name).is_file()][:1]
    return weights + [name for name in OTHER_FILES if (folder / name).is_file()]


def _verify_listed(path: Path, listed: RepoFile) -> None:
    """The hub lists the SHA-256 of its large files."""
    if listed.lfs is not None and (found := digest(path)) != listed.lfs.sha256:
        path.unlink()
        raise InputError(f"{path.name}: expected the SHA-256 {listed.lfs.sha256}, got {found}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="of the hub")
    parser.add_argument("--revision", required=True, help="commit of the hub")
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    parser.add_argument("--lock", type=Path, help="what was seen first; written if missing")


def main(args: argparse.Namespace) -> None:
    if not sys.stderr.isatty():
        disable_progress_bars()
    fetch_encoder(args.name, args.revision, args.output, args.lock)
