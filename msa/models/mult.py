"""MulT: Tsai, Bai, Liang, Kolter, Morency, Salakhutdinov, "Multimodal Transformer for Unaligned
Multimodal Language Sequences", ACL 2019.

Each modality attends to each of the two others, whatever their rates; what it found is encoded
once more, and the last states of all three make the prediction.
"""

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.models.checkpoint import LETTERS, rename
from msa.models.dropout import Dropout
from msa.models.packing import Packing, pack_alike
from msa.models.padding import Steps, convolve, require_choice, sequence
from msa.models.transformer import MEMORY_LAYERS, Encoder, encode_last

WIDTHS = {
    "text_dim": ("proj_l.weight", 1),
    "audio_dim": ("proj_a.weight", 1),
    "vision_dim": ("proj_v.weight", 1),
    "output_dim": ("out_layer.weight", 0),
    "d_model": ("proj_l.weight", 0),
    "text_kernel": ("proj_l.weight", 2),
    "audio_kernel": ("proj_a.weight", 2),
    "vision_kernel": ("proj_v.weight", 2),
}


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of a released one; the names are the same here."""
    return rename(state, {})


class MulT(nn.Module):
    """Crossmodal transformers between all pairs of modalities.

    ``streams`` is the modality that attends to the two others, or all of them. With
    ``positions=False``, as the MMSA framework has it, nothing tells the order of the steps. What
    the released code has and never uses is not there: the projection of a modality that is
    ``d_model`` wide, the encoders of streams left out.
    """

    def __init__(
        self,
        *,
        text_dim: int,
        audio_dim: int,
        vision_dim: int,
        output_dim: int,
        d_model: int = 40,
        heads: int = 8,
        layers: int = 4,
        text_kernel: int = 1,
        audio_kernel: int = 1,
        vision_kernel: int = 1,
        streams: str = "all",
        positions: bool = True,
        causal: bool = True,
        text_attention_dropout: float = 0.1,
        audio_attention_dropout: float = 0.0,
        vision_attention_dropout: float = 0.0,
        relu_dropout: float = 0.1,
        embed_dropout: float = 0.25,
        residual_dropout: float = 0.1,
        output_dropout: float = 0.0,
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = require_choice("padding", padding, ("masked", "released"))
        self.streams = require_choice("streams", streams, ("all", *LETTERS))
        self.causal = causal
        dims = {"text": text_dim, "audio": audio_dim, "vision": vision_dim}
        kernels = {"text": text_kernel, "audio": audio_kernel, "vision": vision_kernel}
        attention_dropouts = {
            "text": text_attention_dropout,
            "audio": audio_attention_dropout,
            "vision": vision_attention_dropout,
        }
        encoder = partial(
            Encoder,
            heads=heads,
            relu_dropout=relu_dropout,
            residual_dropout=residual_dropout,
            embed_dropout=embed_dropout,
            positions=positions,
            padding=padding,
        )
        self.embed_dropout = Dropout(embed_dropout)
        for name, letter in LETTERS.items():
            if dims[name] != d_model:
                conv = nn.Conv1d(dims[name], d_model, kernels[name], bias=False)
                self.add_module(f"proj_{letter}", conv)
        for target, sources in self._pairs().items():
            for source in sources:
                crossing = encoder(
                    d_model=d_model, layers=layers, attention_dropout=attention_dropouts[source]
                )
                self.add_module(f"trans_{LETTERS[target]}_with_{LETTERS[source]}", crossing)
            memory = encoder(
                d_model=2 * d_model,
                layers=max(layers, MEMORY_LAYERS),
                attention_dropout=text_attention_dropout,
            )
            self.add_module(f"trans_{LETTERS[target]}_mem", memory)
        width = 2 * d_model * len(self._pairs())
        self.proj1 = nn.Linear(width, width)
        self.output_dropout = Dropout(output_dropout)
        self.proj2 = nn.Linear(width, width)
        self.out_layer = nn.Linear(width, output_dim)

    def forward(self, batch: dict[str, Any]) -> Tensor:
        steps = {name: self._project(name, sequence(batch, name, self.padding)) for name in LETTERS}
        packings = pack_alike(steps)
        packed = {name: packings[name].pack(x.rows) for name, x in steps.items()}
        found = [self._attend(target, packed, packings) for target in self._pairs()]
        h = torch.cat(found, dim=1)  # (b, 2d * streams)
        x = self.proj2(self.output_dropout(F.relu(self.proj1(h)))) + h
        return self.out_layer(x)  # (b, output_dim)

    def _pairs(self) -> dict[str, list[str]]:
        """Each modality that attends, with the two that it attends to."""
        targets = LETTERS if self.streams == "all" else [self.streams]
        return {target: [name for name in LETTERS if name != target] for target in targets}

    def _project(self, name: str, steps: Steps) -> Steps:
        rows = self.embed_dropout(steps.rows) if name == "text" else steps.rows
        steps = Steps(rows, steps.lengths)
        conv = getattr(self, f"proj_{LETTERS[name]}", None)
        return steps if conv is None else convolve(conv, steps)

    def _attend(
        self, target: str, packed: dict[str, Tensor], packings: dict[str, Packing]
    ) -> Tensor:
        """What a modality finds in the two others, at its last step: (b, 2d)."""
        x, own, letter = packed[target], packings[target], LETTERS[target]
        crossed = []
        for source in self._pairs()[target]:
            other = packings[source]
            encoder = self.get_submodule(f"trans_{letter}_with_{LETTERS[source]}")
            visible = own.visible(other, x.dtype, self.causal)
            crossed.append(encoder(x, own.positions, visible, packed[source], other.positions))
        memory = self.get_submodule(f"trans_{letter}_mem")
        assert isinstance(memory, Encoder)
        return encode_last(memory, own, torch.cat(crossed, dim=2), self.causal)
