"""What modalities share, apart from what each has of its own, and losses that keep it so: a part of
DLF (Wang et al., AAAI 2025)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.base.errors import InputError
from msa.models.packing import Packing, pack_alike
from msa.models.padding import Steps, convolve
from msa.models.transformer import Encoder, encode_last

MARGIN = 0.15  # of a difference of the labels by one


@dataclass(frozen=True)
class Streams:
    """The modalities and what they are taken apart into, (rows, steps, d) each, by name."""

    packings: dict[str, Packing]
    whole: dict[str, Tensor]
    own: dict[str, Tensor]
    shared: dict[str, Tensor]


class Disentangling(nn.Module):
    """An encoder of each modality for what is its own, and one of all for what they share.

    ``widths``, ``lengths`` and ``kernels`` are by modality, and so are ``dropouts``, of the
    attention, with one for "shared"; a modality that is ``d_model`` wide already is not convolved.
    ``encoder`` makes one of a dropout of the attention. ``orthogonal_rows`` is what `orthogonality`
    is of: a "step", or so many channels.
    """

    def __init__(
        self,
        *,
        widths: Mapping[str, int],
        lengths: Mapping[str, int],
        kernels: Mapping[str, int],
        dropouts: Mapping[str, float],
        d_model: int,
        orthogonal_rows: str | int,
        encoder: Callable[..., Encoder],
    ) -> None:
        super().__init__()
        if orthogonal_rows != "step" and not isinstance(orthogonal_rows, int):
            raise InputError(
                f"orthogonal_rows: expected step or a number of channels, got {orthogonal_rows!r}"
            )
        self.orthogonal_width = None if orthogonal_rows == "step" else int(orthogonal_rows)
        self.proj = nn.ModuleDict(
            {
                name: nn.Conv1d(width, d_model, kernels[name], bias=False)
                for name, width in widths.items()
                if width != d_model
            }
        )
        self.encoder_own = nn.ModuleDict(
            {name: encoder(attention_dropout=dropouts[name]) for name in widths}
        )
        self.encoder_shared = encoder(attention_dropout=dropouts["shared"])
        self.decoder = nn.ModuleDict(
            {name: nn.Conv1d(2 * d_model, d_model, 1, bias=False) for name in widths}
        )
        self.lengths = {
            name: max(length - (kernels[name] - 1 if name in self.proj else 0), 1)
            for name, length in lengths.items()
        }
        self.align = nn.ModuleDict(
            {name: nn.Linear(d_model * t, d_model) for name, t in self.lengths.items()}
        )

    def forward(self, steps: Mapping[str, Steps]) -> Streams:
        proj: Any = self.proj
        steps = {name: convolve(proj[name], x) if name in proj else x for name, x in steps.items()}
        packings = pack_alike(steps)
        whole = {name: packings[name].pack(x.rows) for name, x in steps.items()}
        own = {
            name: encode_own(self.encoder_own[name], packings[name], x) for name, x in whole.items()
        }
        shared = {
            name: encode_own(self.encoder_shared, packings[name], x) for name, x in whole.items()
        }
        return Streams(packings, whole, own, shared)

    def losses(self, streams: Streams, label: Tensor) -> dict[str, Tensor]:
        """Terms of the loss, without weights, of segments with labels (b,).

        They are what is lost where both parts are put together, what is another where the whole is
        taken apart again, how alike the parts are, and how labels are told by what is shared.
        """
        lost, changed, alike = [], [], []
        for name, packing in streams.packings.items():
            whole, own, shared = (
                packing.unpack(part[name]) for part in (streams.whole, streams.own, streams.shared)
            )
            both = Steps(torch.cat([own.rows, shared.rows], dim=1), whole.lengths)
            decoder: Any = self.decoder[name]
            made = convolve(decoder, both)
            again = encode_own(self.encoder_own[name], packing, packing.pack(made.rows))
            lost.append(F.mse_loss(made.rows, whole.rows))
            changed.append(F.mse_loss(own.rows, packing.unpack(again).rows))
            alike.append(orthogonality(own, shared, self.orthogonal_width))
        terms = {"reconstruction": lost, "specific": changed, "orthogonal": alike}
        items = torch.cat([*self.aligned(streams).values()])  # (3b, d)
        told = label_triplets(items, label.repeat(len(streams.shared)))
        return {name: torch.stack(x).sum() for name, x in terms.items()} | {"triplet": told}

    def aligned(self, streams: Streams) -> dict[str, Tensor]:
        """What is shared as a vector (b, d), of as many steps as there are weights for."""
        found = {}
        for name, layer in self.align.items():
            x, _ = streams.packings[name].unpack(streams.shared[name]).padded()  # (b, t, d)
            t = self.lengths[name]
            found[name] = layer(F.pad(x[:, :t], (0, 0, 0, max(t - x.shape[1], 0))).mT.flatten(1))
        return found


def encode_own(encoder: nn.Module, packing: Packing, x: Tensor) -> Tensor:
    """(rows, steps, d), each step seeing those of its segment up to itself."""
    return encoder(x, packing.positions, packing.visible(packing, x.dtype, causal=True))


def encode_own_last(encoder: nn.Module, packing: Packing, x: Tensor) -> Tensor:
    """The last step of each segment alone, (b, d)."""
    assert isinstance(encoder, Encoder)
    return encode_last(encoder, packing, x, causal=True)


def orthogonality(x: Steps, y: Steps, width: int | None = None) -> Tensor:
    """The mean cosine, zero where it is negative, of two representations of the same steps.

    A cosine is that of a step, or as released that of ``width`` channels of all steps in one line,
    the first ones of all segments, then the second ones; what is left at its end is left out.
    """
    x_rows, y_rows = x.rows, y.rows  # (n, d)
    if width is not None:
        order = np.lexsort([x.segments.cpu().numpy(), x.numbers])
        place = torch.from_numpy(order).to(x.rows.device)
        width = min(width, x.rows.numel())
        full = x.rows.numel() // width * width
        x_rows, y_rows = (rows[place].flatten()[:full].view(-1, width) for rows in (x_rows, y_rows))
    return F.cosine_similarity(x_rows, y_rows).clamp(min=0).mean()


def label_triplets(x: Tensor, label: Tensor) -> Tensor:
    """How far items (n, d) are from being closer to those of their label (n,) than to others.

    By cosine, and the more so the further the other label is. The mean over all pairs of one item
    of an anchor's label and one of another is averaged over the anchors that have both.
    """
    x = x / (x.square().sum(1, keepdim=True) + 1e-8).sqrt()
    cosine = x @ x.T
    equal = label[:, None] == label
    alike = equal & ~torch.eye(len(x), dtype=torch.bool, device=x.device)
    other = MARGIN * (label[:, None] - label).abs() + cosine  # (anchors, n)
    losses = F.relu(other[:, None] - cosine[..., None])  # (anchors, alike, other)
    pairs = alike[..., None] & ~equal[:, None]
    counts = pairs.sum((1, 2))
    means = losses.masked_fill(~pairs, 0).sum((1, 2)) / counts.clamp(min=1)
    return means.sum() / (counts > 0).sum().clamp(min=1)
