"""EF-LSTM: its size, and MMSA's BatchNorm over time steps."""

import pytest
import torch
from making import collate, make, make_rows

from msa.base.errors import InputError
from msa.models.ef_lstm import EFLSTM

DATA = {"text_dim": 300, "audio_dim": 5, "vision_dim": 20, "output_dim": 1}


def test_as_many_parameters_as_the_authors() -> None:
    """With their features of MOSI."""
    assert sum(p.numel() for p in EFLSTM(**DATA).parameters()) == 249_601


def test_a_time_has_the_statistics_of_the_segments_that_have_it() -> None:
    """Not those of padding; a time that none has keeps its running statistics."""
    model, rows = make("ef_lstm_mmsa").train(), make_rows("ef_lstm_mmsa", [3, 1, 5])
    before = {name: x.clone() for name, x in model.norm.named_buffers()}
    model(collate(rows, extra=4))
    joined = [torch.cat([row[m] for m in ("text", "audio", "vision")], dim=1) for row in rows]
    times = [torch.stack([x[t] for x in joined if len(x) > t]) for t in range(5)]
    for name, own in (
        ("running_mean", torch.stack([x.mean() for x in times])),
        ("running_var", torch.stack([x.var() for x in times])),
    ):
        expected = before[name]
        expected[:5] += 0.1 * (own - expected[:5])
        torch.testing.assert_close(model.norm.get_buffer(name), expected)


def test_more_steps_than_it_was_made_for() -> None:
    """The error says what to set; the authors' has no limit."""
    batch = collate(make_rows("ef_lstm", [13]))
    make("ef_lstm")(batch)
    with pytest.raises(InputError, match="^steps: expected at most 12 of a segment, found 13; "):
        make("ef_lstm_mmsa")(batch)


def test_dropout_behind_the_lstm_is_mmsas() -> None:
    """At a rate of one, the authors' state still reaches the first layer."""
    for name, seen in (("ef_lstm", True), ("ef_lstm_mmsa", False)):
        model, found = make(name, dropout=1.0).train(), []
        model.fc1.register_forward_hook(lambda module, args, output, to=found: to.append(args[0]))
        model(collate(make_rows(name)))
        assert bool(found[0].any()) == seen
