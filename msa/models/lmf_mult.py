"""LMF-MulT: Sahay, Okur, Kumar, Nachman, "Low Rank Fusion based Transformers for Multimodal
Sequences", Second Grand-Challenge and Workshop on Multimodal Language, 2020.

LMF fuses the last states of three LSTMs; the fused vector, read as a sequence, attends to each
modality, or they to it. The authors released no code: this is a reconstruction from MulT's
encoders, the abstract and the paper's counts of parameters, all of which it has to the unit.
"""

from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.models.checkpoint import LETTERS, rename
from msa.models.dropout import Dropout
from msa.models.packing import Packing, pack_alike
from msa.models.padding import Steps, convolve, require_choice, sequence
from msa.models.recurrence import recur
from msa.models.transformer import MEMORY_LAYERS, Encoder, encode_last

WIDTHS = {
    "text_dim": ("lstm_l.weight_ih_l0", 1),
    "audio_dim": ("lstm_a.weight_ih_l0", 1),
    "vision_dim": ("lstm_v.weight_ih_l0", 1),
    "output_dim": ("out_layer.weight", 0),
    "d_model": ("proj_f.weight", 0),
    "lstm_hidden": ("lstm_l.weight_hh_l0", 1),
    "rank": ("factor_l", 0),
    "fusion_dim": ("factor_l", 2),
}


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """The state dict itself: the authors released none, so that the names are ours."""
    return rename(state, {})


class LMFMulT(nn.Module):
    """Crossmodal transformers between the modalities and their low-rank fusion.

    In the variant ``lmf_mult`` the fused sequence attends to each modality, in ``fusion_cm_attn``,
    the paper's other model, each modality to it.
    """

    def __init__(
        self,
        *,
        text_dim: int,
        audio_dim: int,
        vision_dim: int,
        output_dim: int,
        variant: str = "lmf_mult",
        d_model: int = 30,
        heads: int = 5,
        layers: int = 5,
        lstm_hidden: int = 50,
        rank: int = 7,
        fusion_dim: int = 50,
        causal: bool = True,
        attention_dropout: float = 0.1,
        relu_dropout: float = 0.1,
        embed_dropout: float = 0.25,
        residual_dropout: float = 0.1,
        output_dropout: float = 0.0,
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = require_choice("padding", padding, ("masked", "released"))
        self.variant = require_choice("variant", variant, ("lmf_mult", "fusion_cm_attn"))
        self.causal = causal
        encoder = partial(
            Encoder,
            heads=heads,
            attention_dropout=attention_dropout,
            relu_dropout=relu_dropout,
            residual_dropout=residual_dropout,
            embed_dropout=embed_dropout,
            padding=padding,
        )
        self.embed_dropout = Dropout(embed_dropout)
        for letter, width in zip("lav", (text_dim, audio_dim, vision_dim), strict=True):
            self.add_module(f"lstm_{letter}", nn.LSTM(width, lstm_hidden, batch_first=True))
            factor = nn.Parameter(torch.empty(rank, lstm_hidden + 1, fusion_dim))
            nn.init.xavier_normal_(factor)
            self.register_parameter(f"factor_{letter}", factor)
            if width != d_model:
                self.add_module(f"proj_{letter}", nn.Conv1d(width, d_model, 1, bias=False))
            target, source = self._pair(letter)
            self.add_module(
                f"trans_{target}_with_{source}", encoder(d_model=d_model, layers=layers)
            )
        self.proj_f = nn.Conv1d(1, d_model, 3, padding=1, bias=False)
        width = 3 * d_model
        targets = "f" if variant == "lmf_mult" else "lav"
        for letter in targets:
            memory = encoder(d_model=width // len(targets), layers=max(layers, MEMORY_LAYERS))
            self.add_module(f"trans_{letter}_mem", memory)
        self.proj1 = nn.Linear(width, width)
        self.output_dropout = Dropout(output_dropout)
        self.proj2 = nn.Linear(width, width)
        self.out_layer = nn.Linear(width, output_dim)

    def forward(self, batch: dict[str, Any]) -> Tensor:
        raw = {letter: sequence(batch, name, self.padding) for name, letter in LETTERS.items()}
        steps = {letter: self._project(letter, x) for letter, x in raw.items()}
        steps["f"] = self._fuse(raw)
        packings = pack_alike(steps)
        packed = {letter: packings[letter].pack(x.rows) for letter, x in steps.items()}
        crossed = {letter: self._cross(letter, packed, packings) for letter in raw}
        if self.variant == "lmf_mult":
            crossed = {"f": torch.cat([*crossed.values()], dim=2)}
        h = torch.cat(
            [
                encode_last(self._encoder(f"trans_{letter}_mem"), packings[letter], x, self.causal)
                for letter, x in crossed.items()
            ],
            dim=1,
        )  # (b, 3d)
        x = self.proj2(self.output_dropout(F.relu(self.proj1(h)))) + h
        return self.out_layer(x)  # (b, output_dim)

    def _pair(self, letter: str) -> tuple[str, str]:
        """Of a modality and the fused sequence, which attends to which."""
        return ("f", letter) if self.variant == "lmf_mult" else (letter, "f")

    def _encoder(self, name: str) -> Encoder:
        encoder = self.get_submodule(name)
        assert isinstance(encoder, Encoder)
        return encoder

    def _project(self, letter: str, steps: Steps) -> Steps:
        rows = self.embed_dropout(steps.rows) if letter == "l" else steps.rows
        steps = Steps(rows, steps.lengths)
        conv = getattr(self, f"proj_{letter}", None)
        return steps if conv is None else convolve(conv, steps)

    def _fuse(self, raw: dict[str, Steps]) -> Steps:
        """The low-rank fusion of the modalities, read as ``fusion_dim`` steps of one channel."""
        fused: Any = 1
        for letter, steps in raw.items():
            lstm = self.get_submodule(f"lstm_{letter}")
            assert isinstance(lstm, nn.LSTM)
            last = Steps(recur(lstm, steps), steps.lengths).last  # (b, lstm_hidden)
            factor = self.get_parameter(f"factor_{letter}")
            fused = fused * (F.pad(last, (1, 0), value=1.0) @ factor)  # (rank, b, fusion_dim)
        fused = fused.sum(0)
        lengths = np.full(len(fused), fused.shape[1])
        return convolve(self.proj_f, Steps(fused.reshape(-1, 1), lengths))

    def _cross(
        self, letter: str, packed: dict[str, Tensor], packings: dict[str, Packing]
    ) -> Tensor:
        """What a modality finds in the fused sequence, or that in it: (rows, steps, d)."""
        target, source = self._pair(letter)
        x, own, other = packed[target], packings[target], packings[source]
        visible = own.visible(other, x.dtype, self.causal)
        encoder = self._encoder(f"trans_{target}_with_{source}")
        return encoder(x, own.positions, visible, packed[source], other.positions)
