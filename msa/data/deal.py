"""Deal: the folds of one deal of a cross-validation, by whole sessions, speakers or videos.

Deal i of k tests the groups that no other deal tests, validates on a share of the other groups,
drawn with the seed, and trains on what is left. A group is in one fold only, and so is a video.
"""

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path

import numpy as np

from msa.base.atomic import atomic_write
from msa.base.errors import InputError
from msa.base.ids import unlike, video_of
from msa.base.reading import read_array
from msa.base.speakers import read_speakers, speaker_of
from msa.data.aligned import read_segments
from msa.formats.segments import FOLDS

# IEMOCAP's Ses01F_impro01 is a dialogue of session 1, Ses01F_impro01_M003 a turn of its man
SESSION = re.compile(r"Ses(\d\d)[FM]_")
TURN = re.compile(r"Ses(\d\d)[FM]_.*_([FM])\d+")
BY = ("session", "speaker", "video")


def group_of(segments: Sequence[str], by: str, speakers: Path | None = None) -> dict[str, str]:
    """The group of each video: its session, its speaker, or itself.

    Args:
        segments: ids `video[i]`.
        by: one of `BY`.
        speakers: table with the columns id, of a video or a segment, and speaker.

    Raises:
        InputError: an id tells no group, or a video is in two of them.
    """
    table = read_speakers(speakers) if speakers else {}
    groups: dict[str, str] = {}
    for segment in segments:
        video = video_of(segment)
        group = (speaker_of(segment, table) or "") if table else _named(segment, by)
        if not group and table:
            raise InputError(
                f"{speakers}: {unlike([video], table, ('the data has', 'the table'))}; give each "
                "video or segment its speaker"
            )
        if not group:
            named = "Ses01F_impro01_M003 of a turn" if by == "speaker" else "Ses01F_impro01"
            other = "a table `speakers`, or by: session" if by == "speaker" else "by: speaker"
            raise InputError(
                f"folds by {by}: expected ids of IEMOCAP such as {named}, got {segment!r}; "
                f"take {other}, or by: video"
            )
        if groups.setdefault(video, group) != group:
            raise InputError(
                f"folds by {by}: the video {video} has segments of {groups[video]} and of {group}, "
                "and would be in two folds; take by: video, or by: session"
            )
    return groups


def _named(segment: str, by: str) -> str:
    """The group that an id tells; nothing where it tells none."""
    if by == "video":
        return video_of(segment)
    found = (SESSION if by == "session" else TURN).search(segment)
    return f"Ses{''.join(found.groups())}" if found else ""


def deal(
    segments: Sequence[str],
    groups: Mapping[str, str],
    *,
    k: int,
    valid: float,
    seed: int,
    fold: int,
) -> dict[str, list[str]]:
    """The videos of train, valid and test.

    As many folds as groups leave out one group each, in their order; fewer are drawn.

    Args:
        segments: ids `video[i]`.
        groups: of each video.
        k: how many deals there are.
        valid: share of the groups that are not tested, at least one.
        seed: of the draws.
        fold: which deal, from 1.

    Raises:
        InputError: there are too few groups, or none is left to train on.
    """
    from sklearn.model_selection import GroupKFold, GroupShuffleSplit, LeaveOneGroupOut

    videos = np.array([video_of(segment) for segment in segments])
    group = np.array([groups[video] for video in videos])
    count = len(set(groups.values()))
    if count < max(k, 3):
        raise InputError(
            f"folds: k: expected at most as many folds as groups, and three groups for train, "
            f"valid and test, got k {k} and {count} groups: {', '.join(sorted(set(group))[:5])}"
        )
    splitter = LeaveOneGroupOut() if k == count else GroupKFold(k, shuffle=True, random_state=seed)
    rest, test = list(splitter.split(videos, groups=group))[fold - 1]
    left = len(set(group[rest]))
    if ceil(valid * left) >= left:
        raise InputError(
            f"folds: valid {valid:g} of the {left} groups that are not tested leaves none to train "
            "on"
        )
    # each deal has draws of its own
    draws = np.random.RandomState([seed, fold])
    shuffle = GroupShuffleSplit(1, test_size=valid, random_state=draws)
    train, chosen = next(shuffle.split(rest, groups=group[rest]))
    rows = dict(zip(FOLDS, (rest[train], rest[chosen], test), strict=True))
    return {name: sorted(set(videos[numbers].tolist())) for name, numbers in rows.items()}


def draw(
    segments: Sequence[str], groups: Mapping[str, str], *, valid: float, test: float, seed: int
) -> dict[str, list[str]]:
    """The videos of train, valid and test of one split, drawn by groups.

    Args:
        segments: ids `video[i]`.
        groups: of each video.
        valid, test: shares of all groups, at least one each.
        seed: of the draw.

    Raises:
        InputError: fewer than three groups, or none is left to train on.
    """
    names = sorted({groups[video_of(segment)] for segment in segments})
    counts = [max(1, round(share * len(names))) for share in (valid, test)]
    if len(names) - sum(counts) < 1:
        raise InputError(
            f"folds: valid {valid:g} and test {test:g} of {len(names)} groups leave none to train "
            f"on: {', '.join(names[:5])}"
        )
    drawn = np.random.RandomState(seed).permutation(len(names))
    bounds = np.cumsum(counts)
    parts = np.split(np.array(names)[drawn], bounds)
    chosen = {fold: set(part) for fold, part in zip(("valid", "test", "train"), parts, strict=True)}
    videos = sorted({video_of(segment) for segment in segments})
    return {fold: [v for v in videos if groups[v] in chosen[fold]] for fold in FOLDS}


def read_ids(data: Path) -> list[str]:
    """The ids of all segments, of what align wrote or of folds that were imported."""
    if (data / "segments.csv").is_file():
        ids: list[str] = read_segments(data)["key"].tolist()
        return ids
    return [i for fold in FOLDS for i in read_array(data / fold / "ids.npy", "text", 1).tolist()]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=Path, help="folder written by align or import-data")
    parser.add_argument("--by", choices=BY, required=True, help="what is in one fold only")
    parser.add_argument("--speakers", type=Path, help="table with the columns id and speaker")
    parser.add_argument("--k", type=int, help="how many deals")
    parser.add_argument("--valid", type=float, required=True, help="share of the groups to train")
    parser.add_argument("--test", type=float, help="share to test, of one split in place of deals")
    parser.add_argument("--seed", type=int, required=True, help="of the draws")
    parser.add_argument("--fold", type=int, help="which deal, from 1")
    parser.add_argument("--output", type=Path, required=True, help="JSON {train, valid, test: ids}")
    parser.add_argument("--groups", type=Path, required=True, help="JSON {video: group} to write")


def main(args: argparse.Namespace) -> None:
    segments = read_ids(args.data)
    groups = group_of(segments, args.by, args.speakers)
    if args.test is not None:
        folds = draw(segments, groups, valid=args.valid, test=args.test, seed=args.seed)
    else:
        numbers = {name: getattr(args, name) for name in ("k", "valid", "seed", "fold")}
        folds = deal(segments, groups, **numbers)
    for path, content in ((args.output, folds), (args.groups, groups)):
        with atomic_write(path) as file:
            json.dump(content, file, indent=1)
