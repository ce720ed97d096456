"""Start-up: what a user waits for before anything is done.

`--help` against an empty program; a plan of all jobs against a plan of none.
"""

import tempfile
from pathlib import Path
from typing import Any

import yaml

from benchmarks.timing import row, take_turns

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


def run(repeats: int = 3) -> list[dict[str, Any]]:
    """Seconds by the clock, and seconds of computing."""
    commands = {
        "python": ["-c", "pass"],
        "help": ["-m", "msa", "--help"],
        "torch": ["-c", "import torch"],
        "train": ["-m", "msa", "train", "--help"],
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, values in CONFIGURATIONS.items():
            path = Path(folder, f"{name}.yaml")
            path.write_text(yaml.safe_dump(values))
            plan = ["-m", "snakemake", "-n", "--quiet", "all", "--configfile", str(path)]
            commands[name] = plan
        took = take_turns(commands, repeats)
    titles = {
        "python -m msa --help": ("help", "python", "under 0.3 s"),
        "imports of a training job": ("train", "torch", "start to first batch under 4 s"),
        "snakemake -n, 7 data sets, 5 models, 10 seeds": ("many", "none", "under 10 s"),
        "the same with 200 trials": ("search", "none", "under 15 s"),
        "the same with robustness, and ablation of LMF": ("studies", "none", None),
    }
    rows = []
    for title, (name, base, wanted) in titles.items():
        rows.append(row(title, took[name].seconds, "s", took[base].seconds, wanted))
        rows.append(row(f"{title}: computing", took[name].cpu, "s", took[base].cpu, wanted))
    return rows
