"""Sequences as vectors, and vectors as sequences, against loops that are written out."""

import numpy as np
import torch

from msa.models.autoencoder import SequenceDecoder, SequenceEncoder
from msa.models.padding import Steps
from msa.models.recurrence import Times

LENGTHS = np.array([3, 1, 5])
TIMES = Times(LENGTHS, torch.device("cpu"))


def test_the_decoder_sees_its_own_state() -> None:
    """The vector at first, then the state before, as far as each segment goes."""
    torch.manual_seed(0)
    decoder = SequenceDecoder(input_dim=4, output_dim=2).double()
    vectors = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    steps = []
    for vector, length in zip(vectors, LENGTHS, strict=True):
        x, state, cell = vector[None], torch.zeros(1, 4).double(), torch.zeros(1, 4).double()
        for _ in range(length):
            state, cell = decoder.lstm(x, (state, cell))
            steps.append(decoder.fc1(state))
            x = state
    expected, found = torch.cat(steps), decoder(vectors, LENGTHS, TIMES)
    torch.testing.assert_close(found, expected)
    wanted = [vectors, *decoder.parameters()]
    gradients = [torch.autograd.grad(x.square().sum(), wanted) for x in (found, expected)]
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs)


@torch.no_grad()
def test_the_encoder_has_the_last_state() -> None:
    """Of each segment, whatever the others' lengths."""
    torch.manual_seed(0)
    encoder = SequenceEncoder(input_dim=3, output_dim=4).double()
    rows = torch.randn(9, 3, dtype=torch.float64)
    found = encoder(Steps(rows, LENGTHS), TIMES)
    for i, segment in enumerate(rows.split(LENGTHS.tolist())):
        state = cell = torch.zeros(1, 4).double()
        for x in segment:
            state, cell = encoder.lstm(x[None], (state, cell))
        torch.testing.assert_close(found[i : i + 1], encoder.fc1(state))
