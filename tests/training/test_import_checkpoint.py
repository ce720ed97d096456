"""A file as NHFNet's authors release it becomes weights of ours; everything else is refused."""

import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from making import golden_weights
from safetensors import safe_open
from torch import nn

from msa.__main__ import main
from msa.base.provenance import digest
from msa.config.check import load
from msa.config.settings import run_settings
from msa.models import model_class
from msa.training import import_checkpoint
from msa.training.network import load_weights

torch.set_num_threads(1)

ROOT = Path(__file__).parents[2]
RECORD = {"epoch": "7", "test_score": "0.8125", "test_loss": "0.5"}


@pytest.fixture(scope="module")
def weights():
    """NHFNet's golden weights under the authors' names, in their precision."""
    case = json.loads((ROOT / "tests/golden/nhfnet-mosei.json").read_text())
    return {key: tensor.float() for key, tensor in golden_weights(case).items()}


@pytest.fixture
def imported(tmp_path, capsys):
    """Write an object as torch does, import it: exit status, standard error, our file."""

    def run(content, *arguments, model="nhfnet", **options):
        file, output = tmp_path / "released.pth", tmp_path / "out" / "ours.safetensors"
        if isinstance(content, bytes):
            file.write_bytes(content)
        else:
            torch.save(content, file, **options)
        stage = ["import-checkpoint", str(file), "--model", model, "--output", str(output)]
        status = main([*stage, *map(str, arguments)])
        return status, capsys.readouterr().err.replace(str(file), "FILE"), output

    return run


def refused(done, *expected):
    """It says why, and leaves nothing."""
    status, text, output = done
    assert status == 1
    for part in expected:
        assert part in text
    assert not output.exists()
    assert not output.parent.exists() or not list(output.parent.iterdir())


def metadata(path):
    with safe_open(path, "pt") as file:
        return file.metadata()


def script(weights, **more):
    """What the authors' training script saves."""
    optimizer = torch.optim.Adam([nn.Parameter(torch.ones(2))])
    record = {"epoch": 7, "test_score": 0.8125, "test_loss": torch.tensor(0.5)}
    state = {"model_state_dict": weights, "optimizer_state_dict": optimizer.state_dict()}
    return record | state | more


def in_parallel(weights):
    return {f"module.{key}": tensor for key, tensor in weights.items()}


@pytest.mark.parametrize(
    ("form", "record"),
    [
        (script, RECORD),
        (lambda weights: script(in_parallel(weights), test_score=np.float64(0.8125)), RECORD),
        (lambda weights: {"state_dict": weights}, {}),
        (in_parallel, {}),
        (lambda weights: weights, {}),
    ],
    ids=["script", "parallel-script", "state_dict", "parallel", "plain"],
)
def test_predictions_are_the_authors(imported, weights, tmp_path, form, record):
    status, text, output = imported(form(weights))
    assert status == 0
    unused = [key for key in weights if ".mem_proj." in key or ".att_proj." in key]
    assert text == f"FILE: {len(unused)} released keys unused: {', '.join(unused)}\n"
    with np.load(ROOT / "tests/golden/nhfnet-mosei.npz") as golden:
        batch = {name: torch.from_numpy(golden[name]) for name in golden.files}
    model = model_class("nhfnet")(
        text_dim=768, audio_dim=74, vision_dim=35, output_dim=1, padding="released"
    )
    load_weights(model, output)
    with torch.no_grad():
        found = model.double().eval()({name: x.double() for name, x in batch.items()})
    # the weights are rounded to float32
    torch.testing.assert_close(found, batch["output"], rtol=1e-4, atol=1e-6)
    file = tmp_path / "released.pth"
    assert metadata(output) == {
        "format": "pt",
        "model": "nhfnet",
        "source": "released.pth",
        "source_sha256": digest(file.read_bytes()),
        **{f"released_{key}": value for key, value in record.items()},
    }


def test_the_old_format_of_torch_and_scalars_of_the_old_numpy(imported, weights):
    file = io.BytesIO()
    content = script(weights, test_score=np.float64(0.75))
    torch.save(content, file, _use_new_zipfile_serialization=False)
    old = file.getvalue().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert old != file.getvalue() or np.__version__ < "2"
    status, _, output = imported(old)
    assert status == 0
    assert metadata(output)["released_test_score"] == "0.75"


def settings(folder, dataset="demo", model="nhfnet", **architecture):
    """A run's folder."""
    made = run_settings(load([ROOT / "config.yaml"]), dataset, model, 1)
    made["hyperparameters"]["architecture"] |= architecture
    folder.mkdir()
    (folder / "settings.json").write_text(json.dumps(made))
    return folder


def small(**sizes):
    sizes = {"d_model": 8, "heads": 2, "layers": 1, "text_hidden": 5, **sizes}
    return model_class("nhfnet")(text_dim=6, audio_dim=3, vision_dim=4, output_dim=1, **sizes)


def test_a_run_gives_the_sizes_that_shapes_do_not(imported, tmp_path):
    run = settings(tmp_path / "run", d_model=8, heads=2, layers=1, text_hidden=5)
    model = small()
    status, _, output = imported(model.state_dict(), "--run", run)
    assert status == 0
    ours = small()
    load_weights(ours, output)
    for key, tensor in model.state_dict().items():
        assert torch.equal(ours.state_dict()[key], tensor)


def test_a_run_of_other_sizes(imported, tmp_path):
    run = settings(tmp_path / "run", d_model=8, heads=2, layers=2, text_hidden=5)
    told = f"FILE: cannot be imported as nhfnet with the sizes of {run}/settings.json:"
    key = "layers.1.layer_norms.0.bias: expected (8,), found no such key"
    refused(imported(small().state_dict(), "--run", run), told, key)
    key = "layers.2.layer_norms.0.bias: expected no such key, found (8,)"
    refused(imported(small(layers=3).state_dict(), "--run", run), told, key)
    told = "with the sizes of the defaults, as --run is not given:"
    key = "layer_norm.bias: expected (32,), found (8,)"
    refused(imported(small().state_dict()), told, key)


def test_a_run_of_another_model(imported, weights, tmp_path):
    run = settings(tmp_path / "run", model="lmf")
    expected = f"{run}/settings.json: expected model nhfnet, got lmf"
    refused(imported(weights, "--run", run), expected)


def test_a_model_that_reads_words_needs_its_encoder(imported, tmp_path, monkeypatch):
    from transformers import BertConfig, BertModel

    case = json.loads((ROOT / "tests/golden/glomo-mosi.json").read_text())
    sizes = {"d_model": 32, "layers": 2}
    released = {key: tensor.float() for key, tensor in golden_weights(case).items()}
    expected = "model glomo: cannot be built from the checkpoint alone: glomo: expected bert"
    refused(imported(released, model="glomo"), expected, "give --run FOLDER")

    encoder = BertModel(BertConfig(**case["config"]["bert"]))
    asked = []

    def load_encoder(*names):
        asked.append(names)
        return None, encoder

    monkeypatch.setattr(import_checkpoint, "load_encoder", load_encoder)
    run = settings(tmp_path / "run", model="glomo", **sizes)
    arguments = ["--run", run, "--encoder", "my/encoder"]
    status, _, output = imported(released, *arguments, model="glomo")
    assert status == 0
    assert asked == [(Path("my/encoder"),)]
    with safe_open(output, "pt") as file:
        assert torch.equal(
            file.get_tensor("bert.embeddings.word_embeddings.weight"),
            released["bert.embeddings.word_embeddings.weight"],
        )


def test_a_missing_key(imported, weights):
    kept = {key: x for key, x in weights.items() if key != "text_model.1.bias_hh_l0"}
    expected = "text_model.1.bias_hh_l0: expected (128,), found no such key"
    refused(imported(script(kept)), expected)
    del kept["audio_visual_model.audio_linear.weight"]
    expected = "audio_visual_model.audio_linear.weight: expected audio_dim as dimension 1, found no"
    refused(imported(script(kept)), expected)


def test_a_wrong_shape(imported, weights):
    wrong = weights | {"classifcation.layer_norm.bias": torch.zeros(33)}
    expected = "classifcation.layer_norm.bias): expected (32,), found (33,)"
    refused(imported(script(wrong)), expected)


def test_weights_of_another_model(imported, weights):
    refused(imported(weights, model="lmf"), "fusion_weights: expected rank as dimension 1, found")
    refused(imported(weights, model="ridge"), "model ridge: has no released checkpoints")
    refused(imported(weights, model="nfhnet"), "model: expected one of lmf, nhfnet")


class Malicious:
    """A pickle that runs a command when it is read."""

    def __init__(self, marker):
        self.command = f"touch {marker}"

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_that_would_run_code(imported, weights, tmp_path, zipped):
    marker = tmp_path / "ran"
    content = script(weights, test_score=Malicious(marker))
    done = imported(content, _use_new_zipfile_serialization=zipped)
    refused(done, f"FILE: expected tensors and plain values, found {os.system.__module__}.system")
    assert "weights_only" not in done[1]
    assert not marker.exists()


def test_a_whole_module(imported):
    expected = "found torch.nn.modules.linear.Linear, which is refused"
    refused(imported(nn.Linear(2, 2)), expected, "torch.save(model.state_dict(), FILE)")


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.999])
def test_a_file_that_is_cut_off(imported, weights, zipped, share):
    file = io.BytesIO()
    torch.save(weights, file, _use_new_zipfile_serialization=zipped)
    content = file.getvalue()[: int(share * len(file.getvalue()))]
    expected = "FILE: expected a whole checkpoint written by torch.save, "
    refused(imported(content), f"{expected}found {len(content)} bytes", "fetch it again")


@pytest.mark.parametrize(
    "content", [b"<html>not found</html>", b"version https://git-lfs", b"PK\3\4", bytes(99)]
)
def test_a_file_that_is_no_checkpoint(imported, content):
    refused(imported(content), f"that begin with {content[:8]!r}")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ([torch.ones(1)], "found list"),
        ({}, "found nothing in it"),
        ({"state_dict": 3}, "found int"),
        ({"net": {"a": torch.ones(1)}, "epoch": 3}, "found no tensors in net (dict), epoch (int)"),
    ],
)
def test_a_checkpoint_without_a_state_dict(imported, content, found):
    expected = "a dictionary with one as model_state_dict or state_dict, "
    refused(imported(content), expected + found)


def test_a_file_that_is_not_there(tmp_path, capsys):
    file = tmp_path / "no.pth"
    assert main(["import-checkpoint", str(file), "--model", "lmf", "--output", "no"]) == 1
    assert f"error: {file}: cannot be read: " in capsys.readouterr().err
