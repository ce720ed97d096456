"""Released weights: what their shapes tell, and what is refused."""

from typing import Any

import pytest
import torch
from making import make_bert
from torch import nn

from msa.base.errors import InputError
from msa.models import model_class
from msa.models.checkpoint import load_released, released_widths

WIDTHS = {"text_dim": 11, "audio_dim": 7, "vision_dim": 5, "output_dim": 3}
LMF = {"text_hidden": 13, "audio_hidden": 6, "vision_hidden": 4, "text_out": 9, "rank": 2}


@pytest.mark.parametrize(
    ("name", "told", "more"),
    [
        ("nhfnet", WIDTHS, {}),
        ("lmr_cbt", WIDTHS, {}),
        ("lmf", WIDTHS | LMF, {}),
        ("glomo", WIDTHS, {}),
        ("glomo", {k: n for k, n in WIDTHS.items() if k != "text_dim"}, {"bert": make_bert}),
        ("cm_bert", {"audio_dim": 7, "output_dim": 3}, {"bert": make_bert}),
    ],
)
def test_widths_are_read_off_the_shapes(name: str, told: dict[str, int], more: Any) -> None:
    """Our own names will do: from_released leaves them alone."""
    network = model_class(name)
    model = network(**told, **{key: make() for key, make in more.items()})
    assert released_widths(network, model.state_dict()) == told


def test_widths_that_no_key_tells() -> None:
    """All of them at once."""
    network = model_class("lmf")
    state = network(**WIDTHS).state_dict()
    del state["fusion_bias"]
    state["fusion_weights"] = torch.zeros(4)
    with pytest.raises(InputError) as error:
        released_widths(network, state)
    assert str(error.value).splitlines() == [
        "released weights of LMF: fusion_bias: expected output_dim as dimension 1, "
        "found no such key",
        "released weights of LMF: fusion_weights: expected rank as dimension 1, found (4,)",
    ]


def nhfnet(layers: int) -> nn.Module:
    return model_class("nhfnet")(**WIDTHS, d_model=8, heads=2, layers=layers, text_hidden=5)


def test_a_layer_too_many_is_not_dropped() -> None:
    """It would be another model, without a word."""
    state = nhfnet(2).state_dict()
    refused = "classification.layers.1.layer_norms.0.weight: expected no such key, found \\(8,\\)$"
    with pytest.raises(InputError, match=f"(?m){refused}"):
        load_released(nhfnet(1), state)
    state["a.buffer"] = torch.zeros(1)
    assert load_released(nhfnet(2), state) == ["a.buffer"]


def test_a_wrong_shape_under_another_name() -> None:
    """The message has the authors' name too."""
    state = {
        key.replace("classification", "classifcation"): x
        for key, x in nhfnet(1).state_dict().items()
    }
    state["classifcation.layer_norm.weight"] = torch.ones(9)
    with pytest.raises(InputError) as error:
        load_released(nhfnet(1), state)
    assert str(error.value) == (
        "released weights of NHFNet: classification.layer_norm.weight (released as "
        "classifcation.layer_norm.weight): expected (8,), found (9,)"
    )
