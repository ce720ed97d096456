"""Start-up: what a user waits for before anything is done.

`--help` against an empty program; all that a job imports, up to its first step, against torch's own
import; a plan of all jobs against a plan of none.
"""

import tempfile
from pathlib import Path
from typing import Any

import yaml

from benchmarks.timing import row, take_turns
from msa.__main__ import main

DATASETS = ["mosi", "mosei_direct", "pom_lmf", "iemocap_mult", "urfunny", "mustard", "cherma"]
MODELS = ["lmf", "nhfnet", "lmr_cbt", "ridge", "mean"]  # these fit all seven
STUDIES = {"datasets": DATASETS, "models": MODELS, "seeds": list(range(1, 11))}
MANY = STUDIES | {"robustness": False, "ablate": False}
CONFIGURATIONS = {
    "none": {"datasets": []},
    "many": MANY,
    "studies": STUDIES,
    "search": MANY | {"search": {"mosi/lmf": {"trials": 200, "trials_per_job": 1}}},
}

# the first step, for what is imported only then
TRAIN = """
import sys
from pathlib import Path
import torch
import msa.training.train
from msa.data.encoder import load_encoder
from msa.training.optimizers import KINDS
if sys.argv[1:]:
    load_encoder(Path(sys.argv[1]), only_pieces=True)
weight = torch.nn.Parameter(torch.ones(1))
optimizer = KINDS["adam"]([weight], lr=0.1)
optimizer.zero_grad()
weight.sum().backward()
optimizer.step()
"""
PREDICT = "import msa.training.predict_folds"
ENCODE = """
import sys
from pathlib import Path
import msa.data.encode
from msa.data.encoder import load_encoder
load_encoder(Path(sys.argv[1]))
"""


def run(repeats: int = 3) -> list[dict[str, Any]]:
    """Seconds by the clock, and seconds of computing."""
    with tempfile.TemporaryDirectory() as folder:
        raw, encoder = Path(folder, "demo"), Path(folder, "encoder")
        main(["demo", str(raw)])
        main(["demo-encoder", str(raw / "words.csd"), str(encoder)])
        commands = {
            "python": ["-c", "pass"],
            "help": ["-m", "msa", "--help"],
            "torch": ["-c", "import torch"],
            "train": ["-c", TRAIN],
            "train words": ["-c", TRAIN, str(encoder)],
            "predict": ["-c", PREDICT],
            "encode": ["-c", ENCODE, str(encoder)],
        }
        for name, values in CONFIGURATIONS.items():
            path = Path(folder, f"{name}.yaml")
            path.write_text(yaml.safe_dump(values))
            plan = ["-m", "snakemake", "-n", "--quiet", "all", "--configfile", str(path)]
            commands[name] = plan
        took = take_turns(commands, repeats)
    titles = {
        "python -m msa --help": ("help", "python", "under 0.3 s"),
        "imports of a training job": ("train", "torch", "start to first batch under 4 s"),
        "the same where the text is words": ("train words", "torch", None),
        "imports of a predicting job": ("predict", "torch", None),
        "imports of an encoding job": ("encode", "torch", None),
        "snakemake -n, 7 data sets, 5 models, 10 seeds": ("many", "none", "under 10 s"),
        "the same with 200 trials": ("search", "none", "under 15 s"),
        "the same with robustness, and ablation of LMF": ("studies", "none", None),
    }
    rows = []
    for title, (name, base, wanted) in titles.items():
        rows.append(row(title, took[name].seconds, "s", took[base].seconds, wanted))
        rows.append(row(f"{title}: computing", took[name].cpu, "s", took[base].cpu, wanted))
    return rows
