"""Our BERT against transformers', to the bit; what is not one is left to transformers."""

import json
import subprocess
import sys

import pytest
import torch
from making import make_bert
from running import ROOT, environment
from safetensors.torch import load_file, save_file

from msa.data.bert import load_bert
from msa.models.bert import hidden_states


@pytest.fixture
def pair(tmp_path):
    torch.manual_seed(0)
    theirs = make_bert()
    theirs.save_pretrained(tmp_path)
    return theirs, load_bert(tmp_path), tmp_path


def batch():
    generator = torch.Generator().manual_seed(1)
    lengths = torch.randint(1, 9, (7,), generator=generator)
    mask = torch.arange(int(lengths.max())) < lengths[:, None]
    ids = torch.randint(1, 20, mask.shape, generator=generator) * mask
    return ids, (ids % 2) * mask, mask


@pytest.mark.parametrize("padding", ["masked", "released"])
@pytest.mark.parametrize("training", [False, True])
def test_states_and_gradients_are_transformers(pair, padding, training):
    theirs, ours, _ = pair
    found = []
    for model in (theirs, ours):
        model.train(training)
        torch.manual_seed(2)
        states = hidden_states(model, *batch(), padding)
        sum(state.square().sum() for state in states).backward()
        gradients = {name: p.grad for name, p in model.named_parameters() if "pooler" not in name}
        found.append([*states, *gradients.values()])
    assert len(found[0]) == len(found[1])
    assert all(map(torch.equal, *found))


def test_names_and_order_are_transformers(pair):
    theirs, ours, _ = pair
    assert [*ours.state_dict()] == [*theirs.state_dict()]
    assert not ours.training


def test_no_padding_and_no_types(pair):
    theirs, ours, _ = pair
    ids = batch()[0]
    mask = torch.ones_like(ids)
    expected = theirs.eval()(input_ids=ids, attention_mask=mask).last_hidden_state
    assert torch.equal(ours(input_ids=ids, attention_mask=mask).last_hidden_state, expected)


def test_loading_draws_nothing(pair):
    folder, before = pair[2], torch.get_rng_state()
    load_bert(folder)
    assert torch.equal(torch.get_rng_state(), before)


def test_an_encoder_may_come_without_a_pooler(pair):
    path = pair[2] / "model.safetensors"
    weights = load_file(path)
    save_file({key: x for key, x in weights.items() if not key.startswith("pooler.")}, path)
    bert = load_bert(pair[2])
    assert bert.pooler is None
    assert [*bert.state_dict()] == [key for key in pair[1].state_dict() if "pooler" not in key]
    del weights["pooler.dense.bias"]  # half a one
    save_file(weights, path)
    assert load_bert(pair[2]) is None


def test_the_names_of_older_files(pair):
    _, ours, folder = pair
    older = {
        "bert." + key.replace("LayerNorm.weight", "LayerNorm.gamma"): value
        for key, value in load_file(folder / "model.safetensors").items()
    }
    save_file(older | {"cls.predictions.bias": torch.zeros(3)}, folder / "model.safetensors")
    again = load_bert(folder).state_dict()
    assert all(torch.equal(again[key], value) for key, value in ours.state_dict().items())


@pytest.mark.parametrize(
    "change",
    [
        {"model_type": "roberta"},
        {"hidden_act": "relu"},
        {"is_decoder": True},
        {"position_embedding_type": "relative_key"},
        {"hidden_size": None},
        {"vocab_size": 31},
        {"num_hidden_layers": 7},
    ],
)
def test_what_is_left_to_transformers(pair, change):
    folder = pair[2]
    said = json.loads((folder / "config.json").read_text()) | change
    said = {key: value for key, value in said.items() if value is not None}
    (folder / "config.json").write_text(json.dumps(said))
    assert load_bert(folder) is None


def test_weights_of_half_precision_are_left_to_transformers(pair):
    path = pair[2] / "model.safetensors"
    save_file({key: value.half() for key, value in load_file(path).items()}, path)
    assert load_bert(pair[2]) is None


def test_loading_imports_neither_transformers_nor_the_compiler(pair):
    code = (
        "import sys; from pathlib import Path; from msa.data.bert import load_bert\n"
        "assert load_bert(Path(sys.argv[1]))\n"
        "assert not {'transformers', 'torch._dynamo', 'scipy'} & set(sys.modules)"
    )
    command = [sys.executable, "-c", code, pair[2]]
    subprocess.run(command, cwd=ROOT, env=environment(), check=True)
