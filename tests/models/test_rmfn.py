"""RMFN: what its stages are, as proposed after the paper and as in the authors' module."""

import torch
from making import make
from torch import Tensor

from msa.models.rmfn import Reader, Stages

STATES = torch.randn(2, 12, generator=torch.Generator().manual_seed(0)).double()


@torch.no_grad()
def test_a_reader_is_an_lstm() -> None:
    lstm = torch.nn.LSTM(12, 6).double()
    found, now = [], None
    reader = Reader(lstm)
    x = torch.stack([STATES, STATES.flip(0), STATES + 1])
    for step in x:
        now = reader.forward(step, now)
        found.append(now[0])
    torch.testing.assert_close(torch.stack(found), lstm(x)[0])


@torch.no_grad()
def test_the_proposal_is_highlight_fuse_summarize() -> None:
    """Stage by stage, with PyTorch's own LSTMs over all stages so far."""
    model = make("rmfn")
    highlighted: list[Tensor] = []
    for _ in range(3):
        read = torch.stack([STATES, *highlighted])
        highlighted.append(model.highlight(read)[0][-1].softmax(1) * STATES)
    fused, _ = model.fuse(torch.stack(highlighted))  # (k, b, cell)
    expected = model.summarize(torch.cat([*fused], dim=1))
    torch.testing.assert_close(Stages(model).forward(STATES), expected)


@torch.no_grad()
def test_the_authors_module_reads_the_same_states_in_each_stage() -> None:
    model = make("rmfn_sdk")
    assert not hasattr(model, "highlight")
    _, (last, _) = model.fuse(STATES.expand(3, -1, -1))
    torch.testing.assert_close(Stages(model).forward(STATES), last[0])


@torch.no_grad()
def test_one_stage_is_another_model() -> None:
    """The number of stages counts, the proposal's and the authors'."""
    for name in ("rmfn", "rmfn_sdk"):
        model = make(name)
        stages, fewer = Stages(model), Stages(model)
        fewer.count = 2
        if name == "rmfn":
            for one in (stages, fewer):
                one.summarize.forward = lambda x: x[:, -6:]
        assert not torch.allclose(stages.forward(STATES), fewer.forward(STATES))
