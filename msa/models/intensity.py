"""CLGSI's contrast of two modalities in a batch, guided by how much the labels differ."""

import torch
import torch.nn.functional as F
from torch import Tensor

ALIKE = 0.4  # labels that differ by no more, of a range from -1 to 1
MARGIN, GAIN, NEGATIVE, TEMPERATURE = 0.8, 1.5, 0.8, 0.03


def intensity_contrast(x: Tensor, z: Tensor, label: Tensor, *, self_pairs: bool) -> Tensor:
    """How much rows of two modalities resemble those of other labels, beside those of like ones.

    Args:
        x: rows of one modality, (b, d).
        z: those of the other, (b, d).
        label: of the rows, from -1 to 1, (b,).
        self_pairs: as released, a row resembles itself too, and a pair that is not of a kind counts
            with exp(0) among this kind.
    """
    # half precision would change exponents of over 30 by a tenth
    with torch.autocast(label.device.type, enabled=False):
        x, z = (F.normalize(rows.to(label.dtype), dim=1) for rows in (x, z))
        apart = (label[:, None] - label).abs().repeat(1, 2)  # (b, 2b)
        alike = apart <= ALIKE
        attract = (GAIN * (MARGIN - apart).tanh()).masked_fill(~alike, 0) / TEMPERATURE
        repel = NEGATIVE * (GAIN * apart.tanh()).masked_fill(alike, 0) / TEMPERATURE
        b = len(x)
        own = torch.eye(b, 2 * b, dtype=torch.bool, device=x.device).roll(b, 1)  # x with x
        sides = []
        for rows, others in ((x, z), (z, x)):
            likeness = rows @ torch.cat([others, rows]).T  # (b, 2b)
            positive, negative = likeness * attract, likeness * repel
            if not self_pairs:
                positive = positive.masked_fill(~alike | own, -torch.inf)
                negative = negative.masked_fill(alike, -torch.inf)
            both = torch.cat([positive, negative], dim=1)
            sides.append((both.logsumexp(1) - positive.logsumexp(1)).mean())
    return (sides[0] + sides[1]) / 2
