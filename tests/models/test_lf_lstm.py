"""LF-LSTM: widths, one length for all, one row."""

import torch
from making import collate, make, make_rows

from msa.models.lf_lstm import LFLSTM


def test_parameters() -> None:
    """As many as the released network for MOSI has, besides its embedding."""
    model = LFLSTM(text_dim=300, audio_dim=74, vision_dim=47, output_dim=1)
    assert model.text_rnn.first.hidden_size == 450
    assert model.audio_rnn.first.hidden_size == 111
    assert model.vision_rnn.first.hidden_size == 70
    assert model.fc1.out_features == 315
    assert sum(p.numel() for p in model.parameters()) == 9_026_559


@torch.no_grad()
def test_one_length_for_all() -> None:
    """As released audio is as long as the text; else it has its own length."""
    full, cut = make_rows("lf_lstm", [(2, 4, 3), (4, 4, 4)]), []
    for row in full:
        cut.append(row | {name: row[name][: len(row["text"])] for name in ("audio", "vision")})
    masked, released = make("lf_lstm").eval(), make("lf_lstm", padding="released").eval()
    torch.testing.assert_close(released(collate(full)), masked(collate(cut)))
    assert not torch.allclose(masked(collate(full))[0], masked(collate(cut))[0])


def test_one_row_in_training() -> None:
    """One row has no variance: the batch normalization takes its running statistics."""
    model = make("lf_lstm", dropout=0.0)
    batch = collate(make_rows("lf_lstm")[:1])
    expected = model.eval()(batch)
    torch.testing.assert_close(model.train()(batch), expected)


@torch.no_grad()
def test_states_are_those_of_a_plain_lstm() -> None:
    """Forward states of text, vision and audio, then the backward ones, each of both LSTMs."""
    model, row = make("lf_lstm").eval(), make_rows("lf_lstm")[1]
    found: list[torch.Tensor] = []
    model.bn.register_forward_pre_hook(lambda _, inputs: found.append(inputs[0]))
    model(collate([row]))
    forward, backward = [], []
    for name in ("text", "vision", "audio"):
        pair = getattr(model, f"{name}_rnn")
        outputs, (first, _) = pair.first(row[name][None])
        _, (second, _) = pair.second(pair.norm(outputs))
        forward += [first[0], second[0]]
        backward += [first[1], second[1]]
    torch.testing.assert_close(found[0], torch.cat([*forward, *backward], dim=1))
