"""HKT: what its released code does, and what ours does instead."""

import pytest
import torch
from making import collate, make, make_rows

from msa.base.errors import InputError
from msa.models.hkt import special_pieces


def predict(rows, side="right", extra=0, **settings):
    with torch.no_grad():
        return make("hkt", **settings).eval()(collate(rows, side, extra))


def test_special_pieces():
    """[CLS] and each [SEP], wherever the padding is, be there a context, an empty one, or none."""
    mask = [[1] * 6, [0, 0, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0], [1, 1, 0, 0, 0, 0], [0] * 6]
    types = [[0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 1, 1], [0] * 6, [0] * 6, [0] * 6]
    special = special_pieces(torch.tensor(mask).bool(), torch.tensor(types))
    assert special.long().tolist() == [
        [1, 0, 1, 0, 0, 1],
        [0, 0, 1, 1, 0, 1],
        [1, 0, 0, 1, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [0] * 6,
    ]


def test_padding_enters_the_maximum_as_released():
    """What is at padded steps, zeros in the data, changes the prediction."""
    rows = make_rows("hkt")
    assert torch.equal(predict(rows), predict(rows, extra=3))
    few, many = (predict(rows, extra=extra, padding="released") for extra in (0, 3))
    assert (few - many).abs().min() > 1e-3


def test_special_steps_are_read_as_released():
    """Audio, vision and humor at [CLS] and [SEP] change nothing, unless as released."""
    rows = make_rows("hkt", [7])
    changed = [{name: x.clone() for name, x in row.items()} for row in rows]
    for name in ("audio", "vision", "hcf"):
        # the last of the context, and the ends
        changed[0][name][[0, 2, 6]] *= -5
    for choice, changes in (("masked", False), ("released", True)):
        difference = predict(rows, special_steps=choice) - predict(changed, special_steps=choice)
        assert (difference.abs().max() > 1e-3) == changes


def test_without_words_the_special_steps_are_what_there_is():
    assert predict(make_rows("hkt", [2])).isfinite().all()


def test_of_two_classes_the_second_has_the_logit():
    """Its cross-entropy is the released binary one."""
    output = predict(make_rows("hkt"), logits="one")
    label = torch.tensor([0, 1, 1, 0, 1])
    torch.testing.assert_close(
        torch.nn.functional.cross_entropy(output, label),
        torch.nn.functional.binary_cross_entropy_with_logits(output[:, 1], label.double()),
    )
    with pytest.raises(InputError, match="logits: one is for two classes, got 3 outputs"):
        make("hkt", logits="one", output_dim=3)


@pytest.mark.parametrize("task", ["classes", "numbers"])
def test_encoders_are_trained_alone_first(task):
    """Each pass has a loss of its encoder alone, which reads the words and the first step."""
    model = make("hkt", init="unimodal").eval()
    assert list(model.phases) == ["audio", "vision", "hcf"]
    assert make("hkt").phases == {}
    batch = collate(make_rows("hkt"))
    batch["label"] = (
        torch.arange(5)[:, None] % 2 if task == "classes" else torch.rand(5, 2).double()
    )
    for phase, prefixes in model.phases.items():
        model.zero_grad(set_to_none=True)
        prediction, terms = model(batch | {"phase": phase})
        assert prediction is None
        assert list(terms) == ["loss"]
        terms["loss"].backward()
        learning = {name for name, p in model.named_parameters() if p.grad is not None}
        assert learning == {n for n, _ in model.named_parameters() if n.startswith(prefixes)}
        alone = make("hkt", streams=phase).eval()
        alone.load_state_dict({k: v for k, v in model.state_dict().items() if k in learning})
        output = alone(batch).detach()
        if task == "classes":
            expected = torch.nn.functional.cross_entropy(output, batch["label"][:, 0])
        else:
            expected = (output - batch["label"]).abs().mean()
        torch.testing.assert_close(terms["loss"].detach(), expected)


def test_four_rates():
    """Biases and what is called LayerNorm are spared the decay; norm1 and norm2 are not."""
    model = make("hkt")
    groups = model.parameter_groups(5e-6, 0.01, audio_lr=0.1, vision_lr=0.2, hcf_lr=0.3)
    assert {(group["lr"], group["weight_decay"]) for group in groups} == {
        (lr, decay) for lr in (5e-6, 0.1, 0.2, 0.3) for decay in (0.01, 0.0)
    }
    of = {p: (group["lr"], group["weight_decay"]) for group in groups for p in group["params"]}
    for name, parameter in model.named_parameters():
        lr = {"audio": 0.1, "vision": 0.2, "hcf": 0.3}.get(name.split(".")[1], 5e-6)
        assert of[parameter] == (lr, 0.0 if "bias" in name or "LayerNorm" in name else 0.01)
    assert sum(len(group["params"]) for group in groups) == len([*model.parameters()])


def test_heads_are_as_many_as_divide_the_width():
    """3 of 6 columns, 2 of 4, and 1 where a modality is absent."""
    model = make("hkt", audio_dim=6, hcf_dim=1, audio_heads=3, vision_heads=3)
    heads = {name: x.layers[0].self_attention.heads for name, x in model.encoders.items()}
    assert heads == {"audio": 3, "vision": 2, "hcf": 1}


def test_more_pieces_than_positions():
    with pytest.raises(InputError, match="positions: expected as many as there are pieces, 7, or"):
        make("hkt", positions=5)(collate(make_rows("hkt", [7])))
