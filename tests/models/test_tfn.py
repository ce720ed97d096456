"""TFN: its sizes, the range of its predictions, the outer product, averages of valid steps."""

import pytest
import torch
from making import collate, make, make_rows
from torch import Tensor

from msa.models.stacked import apart, stack
from msa.models.tfn import TFN

WITHOUT_DROPOUT = dict.fromkeys(
    ("text_dropout", "audio_dropout", "vision_dropout", "post_fusion_dropout"), 0.0
)


@pytest.mark.parametrize(("audio", "vision", "size"), [(5, 20, 407_331), (74, 47, 408_231)])
def test_size_is_the_released_one(audio: int, vision: int, size: int) -> None:
    model = TFN(text_dim=300, audio_dim=audio, vision_dim=vision, output_dim=1)
    assert sum(p.numel() for p in model.parameters()) == size


def predict(**settings: object) -> Tensor:
    with torch.no_grad():
        return make("tfn", **settings).eval()(collate(make_rows("tfn")))


def test_predictions_lie_inside_the_range() -> None:
    """Six times a sigmoid, minus three; the authors' Theano code has another range."""
    free = predict(output_range=None)
    torch.testing.assert_close(predict(), 6 * torch.sigmoid(free) - 3)
    torch.testing.assert_close(predict(output_range=[-4, 4]), 8 * torch.sigmoid(free) - 4)


def test_logits_of_classes_are_free() -> None:
    free = predict(output_range=None)
    for task in ("classification", "binary"):
        assert torch.equal(predict(task=task), free)


def test_outer_product() -> None:
    """Audio's channels are the slowest, the text's the fastest; each has a 1 in front."""
    model, fused, vectors = make("tfn").eval(), [], []
    for network in (model.audio_subnet, model.video_subnet, model.text_subnet):
        network.register_forward_hook(lambda *io: vectors.append(io[2]))
    model.post_fusion_layer_1.register_forward_hook(lambda *io: fused.append(io[1][0]))
    model(collate(make_rows("tfn")))
    audio, vision, text = (torch.cat([torch.ones(4, 1), x], dim=1) for x in vectors)
    for row in range(4):
        expected = torch.kron(torch.kron(audio[row], vision[row]), text[row])
        torch.testing.assert_close(fused[0][row], expected)


@torch.no_grad()
@pytest.mark.parametrize("modality", ["audio", "vision"])
def test_averages_are_of_valid_steps(modality: str) -> None:
    """The released ones divide by the padded length."""
    rows = make_rows("tfn", [3])
    zeros = {name: torch.cat([torch.zeros_like(x), x]) for name, x in rows[0].items()}
    batch = collate(rows) | {modality: collate([zeros])[modality]}
    mask = torch.arange(6)[None] >= 3
    for padding, factor in (("masked", 1), ("released", 0.5)):
        model = make("tfn", padding=padding).eval()
        scaled = collate(rows) | {modality: factor * collate(rows)[modality]}
        found = model(batch | {f"{modality}_mask": mask})
        torch.testing.assert_close(found, model(scaled))


def test_one_row_trains_on_running_statistics() -> None:
    """One row has no variance."""
    model, batch = make("tfn", **WITHOUT_DROPOUT), collate(make_rows("tfn")[:1])
    torch.testing.assert_close(model.train()(batch), model.eval()(batch))


@torch.no_grad()
def test_seeds_train_at_once() -> None:
    """Two networks, stacked, on a batch of each, are the two."""
    networks = [make("tfn", **WITHOUT_DROPOUT).eval() for _ in range(2)]
    for parameter in networks[1].parameters():
        parameter.neg_()
    rows = make_rows("tfn")
    alone = [net(collate(part)) for net, part in zip(networks, (rows[:2], rows[2:]), strict=True)]
    stacked = stack(networks)
    torch.testing.assert_close(stacked(collate(rows)), torch.cat(alone))
    state = apart(stacked, 1)
    assert all(torch.equal(x, state[key]) for key, x in networks[1].state_dict().items())
