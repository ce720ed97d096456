"""MAG-BERT: where the gate is, what zeros do, encoders, groups, the schedule's count."""

from typing import Any

import pytest
import torch
from making import collate, make, make_bert, make_rows
from transformers import RobertaConfig, RobertaModel

from msa.base.errors import InputError
from msa.data.bert import load_bert
from msa.models import model_class
from msa.models.mag_bert import AdaptationGate
from msa.training.optimizers import planned_steps

WIDTHS = {"audio_dim": 3, "vision_dim": 4, "output_dim": 2}


def make_gate(beta_shift: float = 1.0) -> AdaptationGate:
    torch.manual_seed(0)
    gate = AdaptationGate(text_dim=6, audio_dim=3, vision_dim=4, beta_shift=beta_shift, dropout=0.5)
    return gate.double().eval()


def features(scale: float) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    widths = (6, 3, 4)
    text, *others = (torch.randn(1, 2, d, generator=generator).double() for d in widths)
    return [text, *(scale * x for x in others)]


def test_zeros_move_the_text_through_the_biases() -> None:
    """As at [CLS] and [SEP]; without biases they do not."""
    gate, inputs = make_gate(), features(0)
    for live in (True, False):
        still = torch.allclose(gate(*inputs), gate.LayerNorm(inputs[0]))
        assert still is not live
        torch.nn.init.zeros_(gate.W_v.bias)
        torch.nn.init.zeros_(gate.W_a.bias)


def test_gradients_are_finite_where_nothing_moves() -> None:
    """The norm of zero has the gradient zero."""
    gate, inputs = make_gate(), features(0)
    torch.nn.init.zeros_(gate.W_v.bias)
    torch.nn.init.zeros_(gate.W_a.bias)
    inputs[0][0, 0] = 0
    gate(*inputs).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in gate.parameters())


def test_the_displacement_is_no_longer_than_beta_times_the_text() -> None:
    """And counts once at most, whatever beta is."""
    text, *others = features(1000)
    for beta_shift in (1e-3, 0.5, 1.0):
        gate, seen = make_gate(beta_shift), []
        gate.LayerNorm.register_forward_pre_hook(lambda module, args, seen=seen: seen.append(*args))
        gate(text, *others)
        moved = (seen[0] - text).norm(dim=-1) / text.norm(dim=-1)
        torch.testing.assert_close(moved, torch.full_like(moved, beta_shift))
    text, *others = features(1)
    once, far = make_gate(1e6)(text, *others), make_gate(1e9)(text, *others)
    assert torch.equal(once, far)


def test_the_gate_is_before_the_first_layer() -> None:
    """What the first layer gets is what the gate gives, and the hook is gone afterwards."""
    model = make("mag_bert", padding="released").eval()
    given: list[Any] = []
    model.gate.register_forward_hook(lambda module, args, output: given.append(output))
    first = model.bert.encoder.layer[0]
    first.register_forward_pre_hook(lambda module, args: given.append(args[0]))
    batch = collate(make_rows("mag_bert"))
    model(batch)
    assert len(given) == 2 and torch.equal(*given)
    assert not model.bert.embeddings._forward_hooks


def test_our_bert_gives_the_same(tmp_path: Any) -> None:
    """Segments share rows in both, and each piece's audio and vision go with it."""
    torch.manual_seed(0)
    bert = make_bert()
    bert.save_pretrained(tmp_path)
    batch = collate(make_rows("mag_bert"), "left", 2)
    found = []
    for encoder in (bert, load_bert(tmp_path)):
        torch.manual_seed(1)
        found.append(model_class("mag_bert")(bert=encoder, **WIDTHS).double().eval()(batch))
    torch.testing.assert_close(*found, rtol=0, atol=1e-12)


def test_an_encoder_that_is_not_bert_is_refused() -> None:
    sizes = {"hidden_size": 12, "num_attention_heads": 2, "intermediate_size": 16}
    encoder = RobertaModel(RobertaConfig(vocab_size=30, num_hidden_layers=1, **sizes))
    with pytest.raises(InputError, match="mag_bert: expected an encoder that is BERT.*roberta"):
        model_class("mag_bert")(bert=encoder, **WIDTHS)


def test_groups() -> None:
    """No decay for biases and LayerNorms; one rate."""
    model = make("mag_bert")
    names = {id(p): name for name, p in model.named_parameters()}
    found: dict[str, tuple[float, float]] = {}
    for group in model.parameter_groups():
        found |= {names[id(p)]: (group["lr"], group["weight_decay"]) for p in group["params"]}
    assert set(found) == set(names.values())
    spared = {name for name in found if "bias" in name or "LayerNorm.weight" in name}
    assert {name for name, (_, decay) in found.items() if decay == 0.0} == spared
    assert set(found.values()) == {(1e-5, 0.01), (1e-5, 0.0)}


@pytest.mark.parametrize(("total", "steps"), [("floor", 1040), ("steps", 1080)])
def test_the_released_schedule_is_short_of_forty_steps(total: str, steps: int) -> None:
    schedule = {"name": "warmup_linear", "warmup": 0.1, "total": total}
    accumulate = {"batches": 1, "tail": "step"}
    hyper = {"schedule": schedule, "batch_size": 48, "epochs": 40, "accumulate": accumulate}
    assert planned_steps(1283, hyper) == steps
