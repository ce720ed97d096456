"""Repository: a model of the Hugging Face hub: its files into the hub's cache, a folder to it.

`huggingface_hub` does both, with the user's token; HF_ENDPOINT names a mirror of the hub.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    get_token,
    snapshot_download,
    try_to_load_from_cache,
)
from huggingface_hub.utils import disable_progress_bars

from msa.base.errors import InputError
from msa.fetch.answer import Broken, Refused
from msa.fetch.hub import hub_says

ADDRESS = re.compile(r"hf://(?!datasets/|spaces/)([\w.-]+/[\w.-]+)(?:@([^/@]+))?", re.ASCII)
COMMIT = re.compile("[0-9a-f]{40}")


@dataclass(frozen=True)
class Repository:
    """One commit of a model of the hub.

    Attributes:
        name: owner/name.
        commit: 40 hexadecimal digits.
    """

    name: str
    commit: str

    @classmethod
    def open(cls, name: str, revision: str | None) -> "Repository":
        """That of a commit, branch or tag; of what may move, it is said which commit it is now.

        Raises:
            InputError: the hub has none, or cannot be reached.
        """
        if revision and COMMIT.fullmatch(revision):
            return cls(name, revision)
        asked = unquote(revision or "main")
        with _one_error(name, asked):
            commit = HfApi().model_info(name, revision=asked).sha
        if not commit:
            raise InputError(f"hf://{name}: is not answered by a hub; HF_ENDPOINT, or a proxy?")
        print(f"hf://{name}: {asked} is the commit {commit}; to stay: @{commit}", file=sys.stderr)
        return cls(name, commit)

    def fetch(self, sizes: Mapping[str, int | None], most: int | None = None) -> Path:
        """The folder of the hub's cache with these files; what is there is not asked for.

        Args:
            sizes: by name the bytes that there must be, None for any number.
            most: bytes of one file.

        Raises:
            InputError: one is missing or of another size, or the hub cannot be reached.
        """
        cached = [try_to_load_from_cache(self.name, name, revision=self.commit) for name in sizes]
        if not all(isinstance(path, str) for path in cached):
            _quiet()
            with _one_error(self.name, self.commit):
                info = HfApi().model_info(self.name, revision=self.commit, files_metadata=True)
            listed = {file.rfilename: file.size for file in info.siblings or ()}
            for name, size in sizes.items():
                self._check_size(name, listed, size, most)
            with _one_error(self.name, self.commit):
                return Path(
                    snapshot_download(self.name, revision=self.commit, allow_patterns=[*sizes])
                )
        first = next(iter(sizes))
        return Path(str(cached[0]).removesuffix(first))

    def _check_size(
        self, name: str, listed: Mapping[str, int | None], size: int | None, most: int | None
    ) -> None:
        where = f"hf://{self.name}@{self.commit}/{name}"
        if name not in listed:
            raise InputError(f"{where}: expected this file, got {', '.join(sorted(listed))}")
        there = listed[name]
        if size is not None and there != size:
            raise InputError(f"{where}: expected {size} bytes, the hub lists {there}")
        if most is not None and (there is None or there > most):
            raise InputError(f"{where}: expected at most {most} bytes, the hub lists {there}")


def encoder_snapshot(name: str, revision: str, files: Sequence[str]) -> Path:
    """The folder of the hub's cache with an encoder's files; InputError says what to do without."""
    try:
        return Repository.open(name, revision).fetch(dict.fromkeys(files))
    except InputError as error:
        raise InputError(
            f"encoder {error}. By hand: put {', '.join(files)} of {name}, commit {revision}, into "
            "a folder and give it with --encoder"
        ) from error


def require_push(name: str) -> None:
    """Raise an InputError where a push can only fail: without a name or a token of the hub."""
    if not ADDRESS.fullmatch(f"hf://{name}") or "@" in name:
        raise InputError(f"--push: expected OWNER/NAME, got {name}")
    if not get_token():
        raise InputError(
            "--push: expected a token that may write to the hub, got none; log in "
            "(`hf auth login`) or set HF_TOKEN"
        )


def push(folder: Path, name: str, public: bool, stale: Sequence[str]) -> tuple[str, bool]:
    """Commit a folder to a model of the hub, which is made where there is none.

    Args:
        folder: all its files.
        name: owner/name.
        public: whether everybody may see it.
        stale: how the names of files begin that go where the folder has none such.

    Returns:
        The commit, and whether the model is private.

    Raises:
        InputError: the hub refuses it; or there is a public one, and `public` is not asked for.
    """
    _quiet()
    api = HfApi()
    with _one_error(name, "main"):
        api.create_repo(name, private=not public, exist_ok=True)
        info = api.model_info(name)
    private = bool(info.private)
    if not private and not public:
        raise InputError(
            f"hf://{name}: expected a private model, got one that everybody sees; "
            "say --public, or push to another name"
        )
    names = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.*")}
    gone = [
        file.rfilename
        for file in info.siblings or ()
        if file.rfilename not in names and file.rfilename.startswith(tuple(stale))
    ]
    with _one_error(name, "main"):
        commit = api.create_commit(  # all at once, as `upload_folder` does not promise
            name,
            [
                *(CommitOperationDelete(path) for path in gone),
                *(CommitOperationAdd(path, names[path]) for path in sorted(names)),
            ],
            commit_message="Upload a system packed by msa",
        )
    return commit.oid, private


def _quiet() -> None:
    if not sys.stderr.isatty():
        disable_progress_bars()


@contextmanager
def _one_error(name: str, revision: str) -> Iterator[None]:
    page = f"{HfApi().endpoint}/{name}"
    try:
        with hub_says("model", page, revision):
            yield
    except (Refused, Broken) as error:
        raise InputError(f"hf://{name}: {error}") from error
