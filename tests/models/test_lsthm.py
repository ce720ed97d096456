"""LSTHMs: what is computed together, and gradients that are taken by hand, against a plain loop."""

import pytest
import torch
from making import collate, make, make_rows

from benchmarks.recurrent import PLAIN


@pytest.mark.parametrize(
    ("name", "keywords"), [("marn", {}), ("marn", {"attention_hidden": 6}), ("rmfn", {})]
)
def test_outputs_and_gradients(name: str, keywords: dict[str, int]) -> None:
    """Of rows of unlike lengths together, as of each alone, a step and a modality at a time."""
    model = make(name, **keywords)
    rows = make_rows(name, [3, 1, 7, 4, 4])
    found = []
    for outputs in (
        lambda: model(collate(rows)),
        lambda: torch.cat([PLAIN[name](model, collate([row])) for row in rows]),
    ):
        model.zero_grad()
        output = outputs()
        output.square().sum().backward()
        found.append([output.detach(), *(p.grad.clone() for p in model.parameters())])
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("name", ["marn_sdk", "rmfn_sdk"])
def test_gradients_twice(name: str) -> None:
    """A graph that is kept gives the same gradients again."""
    model = make(name)
    loss = model(collate(make_rows(name))).sum()
    once = torch.autograd.grad(loss, [*model.parameters()], retain_graph=True)
    torch.testing.assert_close(torch.autograd.grad(loss, [*model.parameters()]), once)
