"""Damaged .csd files: what alignment makes of them. `python -m benchmarks.mutate [COUNT]`

A small data set, its arrays compressed as the SDK compresses them, is damaged at one place or a
few (bytes, a bit, a stretch of zeros, another place's bytes, the end cut off), and aligned.
`refused` is an InputError; `right` the result of the sound files; `different` another one;
`traceback` any other exception; `ended` a process that crashed or hung. gzip has a checksum of the
rows, HDF5 has none of its own tables unless a writer asks for it. The same seed damages the same.
"""

import argparse
import os
import shutil
import signal
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from msa.base.errors import InputError
from msa.data.align import align
from msa.formats import csd

NAMES = ("words", "audio", "vision", "labels")
KINDS = ("bytes", "bit", "zeros", "moved", "cut")
PATIENCE = 20  # seconds for one file


def small(name: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Three videos of six seconds."""
    videos = {}
    for video in ("a", "b", "c"):
        rng = np.random.default_rng([*video.encode(), *name.encode()])
        edges = np.linspace(0, 6, {"words": 13, "audio": 61, "vision": 31, "labels": 3}[name])
        intervals = np.stack([edges[:-1], edges[1:]], 1).astype(np.float32)
        width = {"audio": 5, "vision": 4}.get(name, 1)
        features = rng.standard_normal((len(intervals), width)).astype(np.float32)
        if name == "words":
            features = rng.integers(ord("a"), ord("z"), (*features.shape, 4), np.uint8)
            features = features.view("S4")[..., 0]
        videos[video] = intervals, features
    return videos


def damaged(sound: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    """A kind of damage, and the file with it."""
    kind, changed = str(rng.choice(KINDS)), bytearray(sound)
    begin, other = (int(n) for n in rng.integers(len(sound), size=2))
    length = min(int(2 ** rng.uniform(0, 10)), len(sound) - max(begin, other))
    if kind == "bytes":
        for place in rng.integers(len(sound), size=rng.integers(1, 9)):
            changed[place] = rng.integers(256)
    elif kind == "bit":
        changed[begin] ^= 1 << int(rng.integers(8))
    elif kind == "zeros":
        changed[begin : begin + length] = bytes(length)
    elif kind == "moved":
        changed[begin : begin + length] = sound[other : other + length]
    else:
        del changed[begin:]
    return kind, bytes(changed)


def aligned(files: dict[str, Path], route: str, output: Path) -> dict[str, bytes]:
    """Every file that alignment writes."""
    sequences = {name: path for name, path in files.items() if name != "labels"}
    align(sequences, files["labels"], route, output)
    made = {path.name: path.read_bytes() for path in sorted(output.iterdir())}
    shutil.rmtree(output)
    return made


def outcome(files: dict[str, Path], route: str, folder: Path, right: dict[str, bytes]) -> str:
    """What becomes of damaged files, in a process of its own: they may end it."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        signal.alarm(PATIENCE)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        try:
            made = aligned(files, route, folder / str(os.getpid()))
            unlike = [name for name in right if made.get(name) != right[name]]
            answer = f"different {' '.join(unlike)}" if unlike else "right"
        except InputError as error:
            answer = f"refused {error}"
        except BaseException:
            answer = f"traceback {traceback.format_exc()}"
        os.write(writer, answer.encode()[:60_000])
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    return answer or f"ended {signal.strsignal(os.WTERMSIG(status))}"


def outcomes(count: int, seed: int, keep: Path | None) -> Iterator[tuple[str, str, str]]:
    """Of each damaged file its name, the damage and what became of it."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        files = {name: folder / f"{name}.csd" for name in NAMES}
        for name, path in files.items():
            csd.write(path, name, small(name))
        sound = {name: path.read_bytes() for name, path in files.items()}
        right = {route: aligned(files, route, folder / route) for route in ("words", "labels")}
        for number in range(count):
            rng = np.random.default_rng([seed, number])
            name, route = str(rng.choice(NAMES)), str(rng.choice([*right]))
            kind, changed = damaged(sound[name], rng)
            files[name].write_bytes(changed)
            answer = outcome(files, route, folder, right[route])
            if keep is not None and not answer.startswith(("right", "refused")):
                keep.mkdir(parents=True, exist_ok=True)
                (keep / f"{number}-{name}.csd").write_bytes(changed)
                (keep / f"{number}-{name}.txt").write_text(f"{kind}, to {route}: {answer}\n")
            files[name].write_bytes(sound[name])
            yield name, kind, answer


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutate", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for what is neither right nor refused")
    args = parser.parse_args()
    counts = Counter(
        (kind, answer.split(maxsplit=1)[0])
        for _, kind, answer in tqdm(
            outcomes(args.count, args.seed, args.keep), total=args.count, mininterval=10
        )
    )
    kinds = ("refused", "right", "different", "traceback", "ended")
    print("\t".join(["damage", *kinds]))
    for damage in KINDS:
        print("\t".join([damage, *(str(counts[damage, kind]) for kind in kinds)]))
    totals = (sum(counts[damage, kind] for damage in KINDS) for kind in kinds)
    print("\t".join(["all", *map(str, totals)]))


if __name__ == "__main__":
    main()
