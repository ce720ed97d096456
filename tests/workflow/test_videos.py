"""One's own videos through Snakemake: folds of them, a bad one among them, a new one alone."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import yaml
from clips import tone, write_clip
from running import snakemake
from spoken import needs_espeak

from benchmarks.extract import write_folder
from msa.formats import csd

pytest.importorskip("av", reason="needs msa[video]")

CONFIG = {
    "datasets": ["mine"],
    "models": ["mean"],
    "seeds": [1],
    "recipes": {
        "mine": {
            "videos": "my/clips",
            "transcripts": "my/text",
            "labels": "my/labels.csv",
            "extract": {"vision": "none"},
            "folds": {"by": "video", "valid": 0.25, "test": 0.25},
            "task": {"type": "regression", "targets": ["sentiment"], "range": [-3, 3]},
            "clean": {"standardize": ["audio"]},
        }
    },
}


def add(project, name, hertz):
    """A clip of two words, the second one higher."""
    sound = np.concatenate([tone(0.5, hertz), tone(0.5, 1.5 * hertz)])
    write_clip(project / f"my/clips/{name}.wav", sound, codec="pcm_s16le")
    words = [{"word": w, "start": t, "end": t + 0.5} for w, t in (("so", 0.0), ("good", 0.5))]
    (project / f"my/text/{name}.json").write_text(json.dumps(words))


@pytest.mark.slow
def test_videos_become_folds_and_a_new_one_runs_alone(project):
    for folder in ("clips", "text"):
        (project / "my" / folder).mkdir(parents=True)
    names = [f"clip {number} ü" for number in range(8)]
    for number, name in enumerate(names):
        add(project, name, 120 + 20 * number)
    (project / "my/clips/empty.mp4").touch()
    lines = [f"{name},,,{number - 3}" for number, name in enumerate(names[:7])]
    labels = project / "my/labels.csv"
    labels.write_text("\n".join(["video,start,end,sentiment", *lines, ""]))
    (project / "mine.yaml").write_text(yaml.safe_dump(CONFIG, allow_unicode=True))
    arguments = ("--configfile", "mine.yaml", "--", "results/mine/mean.json")
    snakemake(project, *arguments)
    dropped = pd.read_csv(project / "data/mine/raw/dropped.csv")
    assert set(dropped["video"]) == {"empty"} and len(dropped) == 2
    card = json.loads((project / "data/mine/card.json").read_text())
    assert sum(card["segments"].values()) == 7
    audio = np.load(project / "data/mine/train/audio.npy")
    assert audio.shape[1] == 26 and np.isfinite(audio).all()
    # of the two words, the second is higher by a fifth
    pitch = audio[:, 1].reshape(-1, 2)
    np.testing.assert_allclose(pitch[:, 1] - pitch[:, 0], 7.02, atol=0.3)

    add(project, "new", 200)
    planned = snakemake(project, "-n", *arguments).stdout
    jobs = dict(line.split() for line in planned.splitlines() if len(line.split()) == 2)
    assert jobs["extract_video"] == "1"


# of `benchmarks.extract`, which goes through two hundred: what is left out of each bad one, and why
BAD = {
    "bad empty": ({"words", "audio", "vision"}, "the file is empty"),
    "bad text": ({"words", "audio", "vision"}, "cannot be opened"),
    "bad truncated": ({"words", "audio", "vision"}, "cannot be opened"),
    "bad middle": ({"words", "audio", "vision"}, "damaged after"),
    "bad streams": ({"vision"}, "no video stream"),
    "bad silence": ({"words"}, "expected speech in the sound, found none"),
    "bad words": ({"words"}, "the sound does not say the text"),
}


@pytest.mark.slow
@needs_espeak
def test_seven_bad_videos_stop_nobody(project, face_weights):
    write_folder(project / "my/clips", 10)
    shutil.copytree(face_weights, project / "data/extractors/mesh")
    recipe = CONFIG["recipes"]["mine"] | {"labels": "my/clips/labels.csv", "extract": {}}
    del recipe["transcripts"]
    config = CONFIG | {"recipes": {"mine": recipe}}
    (project / "mine.yaml").write_text(yaml.safe_dump(config))
    snakemake(project, "--configfile", "mine.yaml", "--", "data/mine/raw/card.json")
    dropped = pd.read_csv(project / "data/mine/raw/dropped.csv")
    assert set(dropped["video"]) == set(BAD)
    for video, (sequences, reason) in BAD.items():
        lines = dropped[dropped["video"] == video]
        assert set(lines["sequence"]) == sequences
        assert lines["reason"].str.contains(reason, regex=False).all()
    table = (project / "data/mine/raw/card.md").read_text()
    assert "10 videos" in table and all(f"- {video}: " in table for video in BAD)
    with csd.Sequence(project / "data/mine/raw/labels.csd") as labels:
        # of what could not be opened, no end is known
        assert set(BAD) - set(labels.videos) == {"bad empty", "bad text", "bad truncated"}


def test_a_folder_that_is_missing(project):
    (project / "mine.yaml").write_text(yaml.safe_dump(CONFIG))
    flags = ("-n", "--configfile", "mine.yaml", "--", "data/mine/raw/words.csd")
    refused = snakemake(project, *flags, check=False)
    assert refused.returncode
    said = refused.stdout + refused.stderr
    assert "recipe mine: my/clips: no such file" in said
