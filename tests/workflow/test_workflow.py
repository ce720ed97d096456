"""The workflow as a user runs it, on a copy of the project."""

import json
import os
import re
import shutil
import subprocess
import sys
import time

import pandas as pd
import pytest
import yaml
from running import ROOT, environment, snakemake

QUICK = {
    "datasets": ["demo"],
    "models": ["lmf", "ridge"],
    "seeds": [1],
    "settings": {"lmf": {"epochs": 2}},
    "robustness": False,
    "ablate": False,
}


def configure(project, **changes):
    (project / "quick.yaml").write_text(yaml.safe_dump(QUICK | changes, sort_keys=False))


def run(project, *arguments, **options):
    return snakemake(project, *arguments, "--configfile", "quick.yaml", **options)


AFTER = (
    *("total", "all", "report", "compare", "protocols", "published", "paper_table"),
    *("audit", "probe", "subsets", "croissant"),
)


def jobs(project, *arguments):
    """Rule to number of jobs that a dry run would do, but for what follows every result or fold."""
    text = run(project, "-n", *arguments).stdout
    if "Nothing to be done" in text:
        return {}
    table = text[text.index("Job stats:") :].split("\n\n")[0]
    found = {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", table, re.M)}
    return {name: count for name, count in found.items() if name not in AFTER}


@pytest.fixture(scope="module")
def done(tmp_path_factory, encoded_demo):
    """A project in which everything has run once."""
    project = shutil.copytree(encoded_demo, tmp_path_factory.mktemp("workflow") / "project")
    configure(project)
    run(project)
    return project


@pytest.fixture
def edit(done):
    """Change a file of the finished project; it is as before after the test."""
    before = {}

    def change(name, text=None):
        path = done / name
        before[path] = (path.read_bytes(), path.stat())
        path.write_text(path.read_text() + (text or ""))
        os.utime(path)

    yield change
    for path, (content, stat) in before.items():
        path.write_bytes(content)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    configure(done)


def test_results(done):
    result = json.loads((done / "results/demo/lmf.json").read_text())
    assert set(result["targets"]["sentiment"]) == set(
        "mae corr acc7 acc5 acc2_non0 acc2_has0 f1_non0 f1_has0".split()
    )
    assert result["settings"] == "adapted"
    assert result["targets"]["sentiment"]["mae"]["per_seed"].keys() == {"1"}
    board = (done / "results/demo/leaderboard.md").read_text()
    assert board.index("| ridge") < board.index("| lmf")
    card = json.loads((done / "data/demo/clean/card.json").read_text())
    reasons = {dropped["id"]: dropped["reason"] for dropped in card["dropped"]}
    assert reasons["vid1[0]"] == "its video is not in vision"
    assert reasons["vid60[0]"] == "its video is in no fold"
    assert card["cleaning"]["counts"]["train"]["audio"]["left"] == 0


def test_a_second_run_has_nothing_to_do(done):
    assert "Nothing to be done" in run(done).stdout + run(done).stderr


def cost(project, model="lmf"):
    """Stage to what its one job took, from a result."""
    result = json.loads((project / f"results/demo/{model}.json").read_text())
    return {job["stage"]: job for job in result["provenance"]["cost"]}


def test_a_result_has_the_cost_of_its_jobs(done):
    found = cost(done)
    assert list(found) == ["align", "encode", "train"]
    assert {tuple(job["runs"]) for job in found.values()} == {("1",)}
    train = found["train"]
    # a process that imports torch
    assert train["seconds"] > 1 < train["cpu_seconds"] and 100 < train["memory_mb"] < 4000
    files = {path.name for path in (done / "runs/demo/lmf/main/all/1/benchmarks").iterdir()}
    assert files == {"train.tsv"}


def test_costs_that_changed_or_are_gone_rerun_nothing(done):
    """A run that was made elsewhere, or before its cost was measured, has none."""
    files = [path for path in done.glob("[dfr]*/**/benchmarks/*.tsv") if path.is_file()]
    assert len(files) == 4
    before = {path: (path.read_bytes(), path.stat()) for path in files}
    result = done / "results/demo/lmf.json"
    try:
        for path in files:
            path.write_text("others\n")
        assert jobs(done) == {}
        for path in files:
            path.unlink()
        assert jobs(done) == {}
        command = ["-m", "msa", "summarize", "runs/demo/lmf/main/all/1", "--output", str(result)]
        text = result.read_text()
        subprocess.run([sys.executable, *command], cwd=done, env=environment(), check=True)
        assert all(job["seconds"] is None for job in cost(done).values())
        result.write_text(text)
    finally:
        for path, (content, stat) in before.items():
            path.write_bytes(content)
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_touching_code_and_config_reruns_nothing(done, edit):
    for name in ("msa/models/lmf.py", "msa/training/train.py", "msa/data/align.py", "quick.yaml"):
        edit(name)
    assert jobs(done) == {}


def test_changing_and_reverting_reruns_nothing(done, edit):
    for name in ("msa/data/align.py", "msa/models/lmf.py", "workflow/recipes/data/demo.yaml"):
        path = done / name
        before = path.read_text()
        edit(name, "\n# changed\n")
        path.write_text(before)
    assert jobs(done) == {}


def turned(value):
    """The same with the keys of every mapping in reverse."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return [turned(item) for item in value] if isinstance(value, list) else value


def test_another_order_of_keys_reruns_nothing(done, edit):
    for name in ("data/demo", "models/lmf", "models/ridge"):
        path = done / f"workflow/recipes/{name}.yaml"
        edit(path.relative_to(done))
        content = yaml.safe_load(path.read_text())
        path.write_text(yaml.safe_dump(turned(content), sort_keys=False))
    edit("quick.yaml")
    (done / "quick.yaml").write_text(yaml.safe_dump(turned(QUICK), sort_keys=False))
    assert jobs(done) == {}


def test_what_the_card_alone_shows_reruns_nothing(done, edit):
    edit("workflow/recipes/data/demo.yaml", "expected: {train: 445, valid: 90, test: 146}\n")
    assert jobs(done) == {}


def test_another_licence_is_written_and_retrains_nothing(done, edit):
    edit("workflow/recipes/data/demo.yaml", "licence: another\n")
    assert jobs(done) == {"summarize": 2, "leaderboard": 1}


def test_another_title_is_in_croissant_and_retrains_nothing(done, edit):
    edit("workflow/recipes/data/demo.yaml", "note: made\n")
    assert jobs(done) == {}
    assert re.search(r"^croissant +1$", run(done, "-n").stdout, re.M)


def test_licences_are_in_results_and_card(done):
    result = json.loads((done / "results/demo/lmf.json").read_text())
    licences = result["provenance"]["licences"]
    assert [entry["what"] for entry in licences] == ["data set", "text encoder"]
    card = done / "data/demo/clean"
    assert json.loads((card / "card.json").read_text())["licences"] == licences
    assert "| data set | demo | MIT |  |" in (card / "card.md").read_text()


def test_a_page_without_words_remakes_the_page_alone(done, edit):
    edit("quick.yaml")
    page = done / "results/report/index.html"
    assert "<button>words</button>" in page.read_text()
    configure(done, page={"words": False})
    assert jobs(done) == {}
    assert re.search(r"^report +1$", run(done, "-n").stdout, re.M)


def test_adding_a_model_reruns_nothing(done, edit):
    edit("msa/models/__init__.py")
    registry = done / "msa/models/__init__.py"
    text = registry.read_text()
    registry.write_text(
        text.replace('    "lmf":', '    "mine": "msa.models.mine:LMF",\n    "lmf":')
    )
    assert registry.read_text() != text
    new = {"msa/models/mine.py": "msa/models/lmf.py"}
    new["workflow/recipes/models/mine.yaml"] = "workflow/recipes/models/lmf.yaml"
    for path, source in new.items():
        (done / path).write_text((done / source).read_text())
    try:
        assert jobs(done) == {}
        assert jobs(done, "results/demo/mine.json") == {
            "settings": 1,
            "train": 1,
            "score": 1,
            "summarize": 1,
        }
    finally:
        for path in new:
            (done / path).unlink()


ALL_RUNS = {"train": 2, "score": 2, "summarize": 2, "leaderboard": 1}


@pytest.mark.slow
def test_a_model_is_one_file_one_line_and_one_recipe(done, edit):
    """Those of docs/extending.md."""
    text = (ROOT / "docs/extending.md").read_text().partition("## A model\n")[2]
    code, recipe = re.findall(r"```(?:python|yaml)\n(.*?)```", text, re.S)[:2]
    [line] = re.findall(r"`(\"average\": [^`]*)`", text)
    files = {"msa/models/average.py": code, "workflow/recipes/models/average.yaml": recipe}
    edit("msa/models/__init__.py")
    registry = done / "msa/models/__init__.py"
    registry.write_text(registry.read_text().replace('    "lmf":', f'    {line}\n    "lmf":'))
    try:
        for name, content in files.items():
            (done / name).write_text(content)
        assert jobs(done, "results/demo/average.json") == dict.fromkeys(
            ("settings", "train", "score", "summarize"), 1
        )
        run(done, "results/demo/average.json")
        result = json.loads((done / "results/demo/average.json").read_text())
        assert result["targets"]["sentiment"]["mae"]["mean"] < 1.3
    finally:
        for name in files:
            (done / name).unlink()


def test_changed_alignment_reruns_everything_after_it(done, edit):
    edit("msa/data/plan.py", "\n# changed\n")
    assert jobs(done) == {"align": 1, "split": 1, "clean": 1, "encode": 1, **ALL_RUNS}


def test_deleting_the_raw_files_reruns_nothing(done, tmp_path):
    raw = done / "data/demo/raw"
    raw.rename(tmp_path / "raw")
    try:
        assert jobs(done) == {}
    finally:
        (tmp_path / "raw").rename(raw)


RUN = {"train": 1, "score": 1, "summarize": 1, "leaderboard": 1}


def test_a_changed_model_retrains_that_model_alone(done, edit):
    edit("msa/models/lmf.py", "\n# changed\n")
    assert jobs(done) == RUN
    assert jobs(done, "results/demo/ridge.json") == {}


def test_a_changed_metric_trains_nothing(done, edit):
    edit("msa/results/metrics.py", "\n# changed\n")
    assert jobs(done) == {"score": 2, "summarize": 2, "leaderboard": 1}


def test_changed_code_of_the_settings_reruns_nothing(done, edit):
    edit("msa/config/configuration.py", "\n# changed\n")
    assert jobs(done) == {}


def test_another_hyperparameter_retrains_that_model_alone(done, edit):
    edit("quick.yaml")
    configure(done, settings={"lmf": {"epochs": 2, "batch_size": 16}})
    assert jobs(done) == {"settings": 1, **RUN}


def test_one_more_seed_trains_that_seed_alone(done, edit):
    edit("quick.yaml")
    configure(done, seeds=[1, 2], models=["lmf"])
    assert jobs(done) == {"settings": 1, **RUN}


def test_another_policy_reruns_from_clean_on(done, edit):
    edit("quick.yaml")
    recipe = {"extends": "demo", "clean": {"policy": "mean"}}
    base = yaml.safe_load((done / "workflow/recipes/data/demo.yaml").read_text())
    configure(done, recipes={"demo": base | {"clean": recipe["clean"]}})
    assert jobs(done) == {"settings": 2, "clean": 1, **ALL_RUNS}


LEVELS = {"missing_frames": [0.5], "noise": [1]}


def test_robustness_trains_nothing(done, edit):
    edit("quick.yaml")
    configure(done, robustness=LEVELS)
    assert jobs(done) == {"perturb": 2, "robustness": 2}
    # a baseline that reads nothing has nothing to miss
    configure(done, robustness=True, models=["mean"])
    assert not {"perturb", "robustness"} & set(jobs(done))


def test_an_ablation_trains_without_each_modality(done, edit):
    edit("quick.yaml")
    retrained = {"settings": 3, "train": 3, "score": 3, "summarize_ablated": 3}
    configure(done, ablate={"lmf": True})
    assert jobs(done) == retrained | {"perturb": 1, "robustness": 1, "ablation": 1}
    configure(done, ablate={"demo/lmf": ["audio"]})
    assert jobs(done)["train"] == 1
    asked = jobs(done, "results/demo/lmf.no-vision.json")
    assert asked == dict.fromkeys(retrained, 1)


def test_an_ablation_that_cannot_be_is_refused(done):
    failed = run(done, "-n", "results/demo/cm_bert.no-text.json", check=False)
    assert "cm_bert on demo cannot be trained without text" in failed.stdout + failed.stderr
    failed = run(done, "-n", "results/demo/lmf.ablation.csv", check=False)
    assert "demo/lmf: no `ablate` in the configuration" in failed.stdout + failed.stderr


@pytest.mark.slow
def test_a_note_retrains_nothing(done, edit):
    edit("quick.yaml")
    configure(done, note="the second try", log_every=3)
    assert jobs(done) == {"summarize": 2, "leaderboard": 1}
    run(done)
    result = json.loads((done / "results/demo/lmf.json").read_text())
    assert result["provenance"]["note"] == "the second try"


@pytest.mark.slow
def test_catalogue_dry_runs(project):
    recipes = {path.stem for path in (project / "workflow/recipes/data").glob("*.yaml")}
    targets = [f"results/{recipe}/leaderboard.csv" for recipe in recipes]
    text = snakemake(project, "-n", *targets).stdout
    assert "data/mosei/raw/CMU_MOSEI_COVAREP.csd" in text
    # three recipes share one folder of raw files
    assert len(set(re.findall(r"data/mosi\w*/raw/CMU_MOSI_COVAREP.csd", text))) == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"sedes": [1]}, 'config: unknown key "sedes"; did you mean "seeds"?'),
        ({"datasets": ["demoo"]}, 'unknown data set "demoo"; did you mean "demo"?'),
        (
            {"datasets": ["mine"], "recipes": {"mine": {"extends": "demo", "folds": "my.json"}}},
            "recipe mine: my.json: no such file",
        ),
    ],
)
def test_a_wrong_configuration_is_refused_before_anything_runs(project, changes, expected):
    configure(project, **changes)
    failed = run(project, check=False)
    assert failed.returncode != 0
    assert expected in failed.stdout + failed.stderr
    assert not (project / "data").exists()


@pytest.mark.slow
def test_a_download_without_network_says_where_to_put_the_file(project):
    recipe = {
        "sequences": {"words": "http://127.0.0.1:9/a/words.csd", "labels": "my/labels.csd"},
        "align": "words",
        "folds": "mosi",
        "task": {"type": "regression", "targets": ["sentiment"], "range": [-3, 3]},
    }
    configure(project, recipes={"mine": recipe})
    failed = run(project, "data/mine/raw/words.csd", check=False)
    assert failed.returncode != 0
    text = failed.stdout + failed.stderr
    assert "words.csd: could not be downloaded" in text
    assert "put it there and run again: data/mine/raw/words.csd" in text


def test_a_file_dropped_by_hand_is_never_fetched_or_lost(project, demo_files):
    """Even where it is older than everything else."""
    recipe = {
        "sequences": {
            name: f"http://127.0.0.1:9/a/{name}.csd" for name in ("words", "audio", "labels")
        },
        "align": "words",
        "folds": str(demo_files / "folds.json"),
        "task": {"type": "regression", "targets": ["sentiment"], "range": [-3, 3]},
    }
    configure(project, recipes={"mine": recipe})
    raw = project / "data/mine/raw"
    raw.mkdir(parents=True)
    for name in recipe["sequences"]:
        (raw / f"{name}.csd").write_bytes((demo_files / f"{name}.csd").read_bytes())
        os.utime(raw / f"{name}.csd", (0, 0))
    run(project, "data/mine/clean/card.json")
    assert len(list(raw.iterdir())) == 3
    assert jobs(project, "data/mine/clean/card.json") == {}


@pytest.mark.slow
def test_a_released_checkpoint_is_evaluated_and_nothing_trained(done):
    """NHFNet's own use: `--checkpoint FILE`."""
    import torch

    from msa.config.check import load
    from msa.config.settings import main_variant
    from msa.models.nhfnet import NHFNet

    torch.manual_seed(0)
    network = NHFNet(text_dim=64, audio_dim=12, vision_dim=8, output_dim=1, layers=2)
    state = {
        key.replace("classification.", "classifcation."): value
        for key, value in network.state_dict().items()
    }
    state["cross_transformer.layers.0.mem_proj.0.weight"] = torch.zeros(32, 64)
    file = done / "mosei_aligned.pth"
    torch.save({"epoch": 7, "model_state_dict": state, "test_score": 0.5}, file)
    settings = {"nhfnet": {"checkpoint": file.name, "architecture": {"padding": "released"}}}
    configure(done, models=["nhfnet"], settings=settings)
    assert main_variant(load([done / "quick.yaml"]), "demo", "nhfnet") == "released"
    found = jobs(done, "results/demo/nhfnet.json")
    assert found == {
        "settings": 1,
        "check": 1,
        "import_checkpoint": 1,
        "predict": 1,
        "score": 1,
        "summarize": 1,
    }
    output = run(done, "results/demo/nhfnet.json")
    assert "1 released keys unused: cross_transformer.layers.0.mem_proj.0.weight" in output.stdout
    result = json.loads((done / "results/demo/nhfnet.json").read_text())
    assert result["variant"] == "released"
    assert result["oracle"] is None
    assert result["targets"]["sentiment"]["mae"]["per_seed"].keys() == {"0"}
    configure(done)


# a network is as good as another, but LMR-CBT attends to all steps
@pytest.mark.slow
@pytest.mark.parametrize("model", ["lmf", "lmr_cbt"])
def test_unaligned_input(done, model):
    """Each modality at its own rate and of its own length."""
    settings = {model: {"epochs": 1, "lengths": {"audio": 60, "vision": 60}}}
    recipes = {"free": {"extends": "demo", "align": "none"}}
    configure(done, datasets=["free"], models=[model], recipes=recipes, settings=settings)
    run(done)
    card = json.loads((done / "data/free/clean/card.json").read_text())
    rows = {name: counts["rows"] for name, counts in card["sequences"]["train"].items()}
    assert rows["audio"] > 1.8 * rows["vision"] > 1.8 * rows["words"]
    # vid6[1] has no face, and stays
    assert card["segments"]["train"] == 444
    configure(done)


@pytest.mark.slow
def test_robustness_and_ablation(done):
    """A changed level runs the perturbed predictions alone again."""
    study = {"models": ["lmf"], "ablate": {"demo/lmf": ["audio", "vision"]}}
    configure(done, robustness=LEVELS, **study)
    run(done)
    assert jobs(done) == {}
    frame = pd.read_csv(done / "results/demo/lmf.robustness.csv")
    result = json.loads((done / "results/demo/lmf.json").read_text())["targets"]["sentiment"]
    clean = frame[frame["level"] == 0].groupby("metric")["mean"].agg(["min", "max"])
    assert set(clean.index) == set(result)
    for metric, (low, high) in clean.iterrows():
        assert low == high == pytest.approx(result[metric]["mean"], abs=1e-12)
    ablation = pd.read_csv(done / "results/demo/lmf.ablation.csv")
    assert set(zip(ablation["modality"], ablation["how"], strict=True)) == {
        (modality, how) for modality in ("audio", "vision") for how in ("test", "retrained")
    }
    retrained = json.loads((done / "results/demo/lmf.no-audio.json").read_text())
    assert (retrained["variant"], retrained["missing_modalities"]) == ("no-audio", ["audio"])
    assert (
        retrained["parameters"]
        < json.loads((done / "results/demo/lmf.json").read_text())["parameters"]
    )
    assert "no-audio" not in (done / "results/demo/leaderboard.md").read_text()
    configure(done, robustness=LEVELS | {"noise": [1, 3]}, **study)
    assert jobs(done) == {"perturb": 1, "robustness": 1, "ablation": 1}
    configure(done)


@pytest.mark.slow
def test_a_random_search(done):
    """Trials several a job, the best by validation retrained; more trials run only the new ones."""
    space = {"optimizer.lr": [1e-9, 0.003, 1e-8], "batch_size": [32]}
    search = {"trials": 3, "trials_per_job": 2, "space": space}
    quick = {"seeds": [1, 2], "models": ["lmf"]}
    configure(done, search={"lmf": search}, **quick)
    run(done)
    configure(done, search={"lmf": search | {"space": turned(space)}}, **quick)
    assert jobs(done) == {}
    configure(done, search={"lmf": search}, **quick)
    table = pd.read_csv(done / "results/demo/lmf.search.csv")
    assert table["trial"].sort_values().tolist() == [0, 1, 2]
    # sorted by the validation value; a rate of nothing learns nothing
    assert table["value"].is_monotonic_increasing
    best = json.loads((done / "results/demo/lmf.best.json").read_text())
    assert best["variant"] == "best"
    assert best["targets"]["sentiment"]["mae"]["per_seed"].keys() == {"1", "2"}
    settings = json.loads((done / "runs/demo/lmf/best/all/2/settings.json").read_text())
    assert settings["hyperparameters"]["optimizer"]["lr"] == table["optimizer.lr"][0]
    assert settings["search"] == {"trials": 3, "trial": int(table["trial"][0])}
    assert "lmf (best)" in (done / "results/demo/leaderboard.md").read_text()
    assert "test" not in " ".join(table.columns)

    files = sorted((done / "runs/demo/lmf/trials/all/0").glob("trial-*.json"))
    before = {path: path.stat().st_mtime_ns for path in files}
    configure(done, search={"lmf": search | {"trials": 5}}, **quick)
    # the full job of two is there; the one of one trial and the new ones are to do
    assert jobs(done)["trials"] == 2
    run(done)
    assert len(pd.read_csv(done / "results/demo/lmf.search.csv")) == 5
    assert {path: path.stat().st_mtime_ns for path in files} == before
    configure(done, search={"lmf": search | {"trials": 5, "seed": 7}}, **quick)
    assert jobs(done)["trials"] == 3
    configure(done)


@pytest.mark.slow
def test_a_killed_snakemake(done, project):
    """`make unlock`, and run again: the same results, whatever it was in the middle of."""
    run(done)
    configure(project)
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--configfile", "quick.yaml"]
    for started in ("data/demo/aligned", "runs/demo/lmf/main/all/1/tensorboard"):
        process = subprocess.Popen(
            command,
            cwd=project,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while not (project / started).exists():
            assert process.poll() is None
            time.sleep(0.1)
        process.kill()
        process.wait()
        assert "--unlock" in run(project, check=False).stderr
        run(project, "--unlock")
    run(project)
    first, second = (
        json.loads((folder / "results/demo/lmf.json").read_text()) for folder in (done, project)
    )
    assert first["targets"] == second["targets"] and first["valid"] == second["valid"]
    weights = "runs/demo/lmf/main/all/1/model.safetensors"
    assert (done / weights).read_bytes() == (project / weights).read_bytes()
    assert jobs(project) == {}
    assert not list(project.glob("[dfr]*/**/*.part"))
