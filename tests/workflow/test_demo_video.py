"""`make demo-video` ends with what two models say of a new clip, and its page."""

import re
import shutil
import subprocess

import pandas as pd
import pytest
from running import ROOT, environment

pytest.importorskip("pocketsphinx", reason="needs msa[video]")


def commands():
    """What make would run, without the installation; fewer clips."""
    planned = subprocess.run(
        ["make", "-n", "demo-video"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    lines = planned.stdout.replace("\\\n", " ").splitlines()
    make = "python -m msa demo-video demo-video/clips"
    assert any(make in line for line in lines)
    return [
        line.replace(make, f"{make} --clips 9")
        for line in lines
        if re.match("test -d|snakemake|python -m msa", line)
    ]


@pytest.mark.slow
def test_a_new_clip_has_its_page(project, face_weights):
    """Nine clips in place of 24."""
    weights = project / "demo-video/data/extractors/mesh"
    weights.parent.mkdir(parents=True)
    shutil.copytree(face_weights, weights)
    for command in commands():
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=project,
            env=environment(),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    frame = pd.read_csv(project / "demo-video/new.csv")
    assert set(frame["video"]) == {"clip24"} and len(frame) >= 3
    assert {"words", "ridge.sentiment", "ef_lstm.sentiment_std"} <= {*frame}
    html = (project / "demo-video/new.html").read_text(encoding="utf-8")
    assert html.count("data:video/mp4;base64,") == 1
    assert html.count('class="segment ') == len(frame)
    assert "face seen" in html and "models agree" in html
