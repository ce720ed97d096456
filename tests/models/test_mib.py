"""MIB: its noise, last steps, the terms of its bottlenecks, ways of fusing, groups."""

from typing import Any

import pytest
import torch
from making import collate, make, make_rows, randomize
from torch import Tensor

from msa.models.fusion import FUSIONS, Addition, Concatenation, Graph, LowRank, Tensors
from msa.models.mib import BOTTLENECKS, Bottleneck

every_system = pytest.mark.parametrize("name", ["mib_early", "mib_late", "mib_complete"])


@torch.no_grad()
@every_system
@pytest.mark.parametrize("eval_noise", [False, True])
def test_predictions_are_random_as_released(name: str, eval_noise: bool) -> None:
    """The same batch twice, in evaluation; ours draws nothing there."""
    model, batch = make(name, eval_noise=eval_noise).eval(), collate(make_rows(name))
    before = torch.get_rng_state()
    first, second = model(batch), model(batch)
    assert torch.equal(first, second) is not eval_noise
    assert torch.equal(before, torch.get_rng_state()) is not eval_noise


@torch.no_grad()
@every_system
def test_padding_is_the_last_step_as_released(name: str) -> None:
    """What is read of a short row is behind its end; ours reads its own last step."""
    long, short = make_rows(name, [7, 3])
    found = {}
    for padding in ("masked", "released"):
        model = make(name, padding=padding).eval()
        found[padding] = model(collate([short, long]))[0] - model(collate([short]))[0]
    assert found["masked"].abs().max() < 1e-9 < 1e-3 < found["released"].abs().max()


@every_system
def test_noise_in_training(name: str) -> None:
    model, batch = make(name).train(), collate(make_rows(name))
    for part in model.modules():
        if hasattr(part, "p"):
            part.p = 0.0
    (first, _), (second, _) = model(batch), model(batch)
    assert not torch.equal(first, second)
    torch.manual_seed(3)
    third, _ = model(batch)
    torch.manual_seed(3)
    assert torch.equal(third, model(batch)[0])


def test_a_sample_is_as_far_from_the_mean_as_its_deviation() -> None:
    torch.manual_seed(0)
    narrow: Any = randomize(Bottleneck(d_model=5, hidden=4))
    x = torch.randn(1, 5).double()
    hidden = narrow.encoder(x)
    mean = narrow.fc_mu(hidden)
    deviation = torch.nn.functional.softplus(narrow.fc_std(hidden) - 5)
    samples, divergence = narrow(x.expand(20_000, -1), sample=True)
    torch.testing.assert_close(samples.mean(0, keepdim=True), mean, atol=3e-4, rtol=0)
    torch.testing.assert_close(samples.std(0, keepdim=True), deviation, rtol=0.05, atol=0)
    normal = torch.distributions.Normal
    expected = torch.distributions.kl_divergence(normal(mean, deviation), normal(0.0, 1.0))
    torch.testing.assert_close(divergence, expected.mean())  # over channels too
    assert torch.equal(narrow(x, sample=False)[0], mean)


@every_system
def test_terms(name: str) -> None:
    """Each bottleneck predicts and diverges; the prediction's own error is there in all."""
    bottlenecks = BOTTLENECKS[name.removeprefix("mib_")]
    model, batch = make(name).train(), collate(make_rows(name))
    prediction, terms = model(batch)
    errors = dict.fromkeys((*bottlenecks, "fused"))
    assert [*terms] == [f"l1_{n}" for n in errors] + [f"kl_{n}" for n in bottlenecks]
    torch.testing.assert_close(terms["l1_fused"], (prediction - batch["label"]).abs().mean())
    torch.manual_seed(1)
    _, once = make(name).train()(batch)
    torch.manual_seed(1)
    _, twice = make(name, beta=2e-3).train()(batch)
    for term, value in once.items():
        torch.testing.assert_close(twice[term], (1 + term.startswith("kl_")) * value)


def test_groups() -> None:
    """The encoder and its convolution have a rate of their own."""
    model = make("mib_late")
    names = {id(p): name for name, p in model.named_parameters()}
    others, encoder = model.parameter_groups(2e-5, bert_lr=1e-5)
    assert (others["lr"], encoder["lr"]) == (2e-5, 1e-5)
    own = {names[id(p)] for p in encoder["params"]}
    assert own == {name for name in names.values() if name.startswith(("bert.", "proj_t."))}
    assert len(own) + len(others["params"]) == len(names)


def vectors(d: int = 3) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(4, d, generator=generator).double() for _ in range(3)]


@pytest.mark.parametrize("name", FUSIONS)
def test_every_fusion_depends_on_every_modality(name: str) -> None:
    fuse: Any = FUSIONS[name](3)
    x = [vector.requires_grad_() for vector in vectors()]
    fused = randomize(fuse)(*x)
    assert fused.shape == (4, 3)
    for gradient in torch.autograd.grad(fused.square().sum(), x):
        assert gradient.isfinite().all() and gradient.any(1).all()


def test_fusions_without_weights() -> None:
    text, audio, vision = vectors()
    torch.testing.assert_close(FUSIONS["addition"](3)(text, audio, vision), text + audio + vision)
    product = FUSIONS["multiplication"](3)(text, audio, vision)
    torch.testing.assert_close(product, text * audio * vision)
    assert not [*Addition(3).parameters()]


def test_low_rank_is_the_outer_product_through_a_weight_of_low_rank() -> None:
    fuse, x = randomize(LowRank(3)), vectors()
    text, audio, vision = (torch.nn.functional.pad(v, (1, 0), value=1.0) for v in x)
    factors = fuse.text_factor, fuse.audio_factor, fuse.video_factor
    weight = torch.einsum("r,rtd,rad,rvd->tavd", fuse.fusion_weights[0], *factors)
    expected = torch.einsum("bt,ba,bv,tavd->bd", text, audio, vision, weight) + fuse.fusion_bias
    torch.testing.assert_close(fuse(*x), expected)


def test_the_tensor_is_bounded_in_the_complete_system_alone() -> None:
    assert make("mib_complete", fusion="tensor").fusion.bounded
    assert not make("mib_early", fusion="tensor").fusion.bounded
    assert not make("mib_late", fusion="tensor").fusion.bounded
    x = vectors()
    free, bounded = (randomize(Tensors(3, bounded=bounded))(*x) for bounded in (False, True))
    assert (free >= 0).all() and not torch.allclose(free, bounded)
    assert (bounded.abs() < 1).all() and (bounded < 0).any()


def test_the_graph_has_edges_where_the_vertices_are_unlike() -> None:
    """Two modalities that are the same have the weakest edge, if all weigh the same."""
    fuse: Any = randomize(Graph(3))
    torch.nn.init.zeros_(fuse.attention.weight)
    torch.nn.init.ones_(fuse.attention.bias)
    same = torch.tensor([[9.0, 0.0, 0.0]]).double()
    x = {"a": same, "v": same, "l": same.flip(1)}
    weight = {name: torch.tanh(fuse.attention(vertex)) for name, vertex in x.items()}
    share = {name: vertex.softmax(1) for name, vertex in x.items()}
    pairs = [("a", "v"), ("a", "l"), ("v", "l")]
    _, strength, _ = fuse._edges(fuse.graph_fusion, pairs, x, weight, share)
    assert strength[0] < strength[1] and torch.equal(strength[1], strength[2])


def test_number_of_parameters() -> None:
    """One layer of the published width where the vectors are concatenated."""
    assert sum(p.numel() for p in Concatenation(50).parameters()) == 150 * 50 + 50
    counts = {n: sum(p.numel() for p in FUSIONS[n](50).parameters()) for n in FUSIONS}
    assert counts["low_rank"] == 3 * 5 * 51 * 50 + 5 + 50
    assert counts["tensor"] == 51**3 * 50 + 50 + 2 * (50 * 50 + 50)
