"""LMF: the low rank, a row alone in training, the groups of its optimizer."""

import torch
from making import collate, make, make_rows


def test_low_rank_is_a_full_tensor() -> None:
    """The factors are a full weight tensor, decomposed."""
    model = make("lmf").eval()
    vectors = []
    networks = (model.audio_subnet, model.video_subnet)
    hooks = [net.register_forward_hook(lambda *io: vectors.append(io[2])) for net in networks]
    hooks.append(model.text_subnet.register_forward_hook(lambda *io: vectors.append(io[2])))
    output = model(collate(make_rows("lmf")))
    audio, vision, text = (torch.cat([torch.ones(4, 1), x], dim=1) for x in vectors)
    weight = torch.einsum(
        "r,rao,rvo,rto->avto",
        model.fusion_weights[0],
        model.audio_factor,
        model.video_factor,
        model.text_factor,
    )
    full = torch.einsum("ba,bv,bt,avto->bo", audio, vision, text, weight) + model.fusion_bias
    torch.testing.assert_close(output, full)


def test_one_row_trains_on_running_statistics() -> None:
    """One row has no variance."""
    model = make("lmf", text_dropout=0.0, audio_dropout=0.0, vision_dropout=0.0)
    batch = collate(make_rows("lmf")[:1])
    mean = model.audio_subnet.norm.running_mean.clone()
    torch.testing.assert_close(model.train()(batch), model.eval()(batch))
    assert torch.equal(model.audio_subnet.norm.running_mean, mean)


def test_half_the_text_width_is_passed_on() -> None:
    """`text_out` is half of `text_hidden` unless given."""
    assert make("lmf").text_subnet.linear_1.out_features == 4
    assert make("lmf", text_out=7).text_factor.shape == (3, 8, 2)


def test_factors_have_their_own_rate() -> None:
    """Adam's groups: factors, everything else."""
    model = make("lmf")
    factors, others = model.parameter_groups(1e-3, 3e-4, 0.01)
    assert [p.shape[1] for p in factors["params"]] == [6, 5, 5]
    assert (factors["lr"], others["lr"], others["weight_decay"]) == (3e-4, 1e-3, 0.01)
    both = {id(p) for group in (factors, others) for p in group["params"]}
    assert both == {id(p) for p in model.parameters()}
