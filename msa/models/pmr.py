"""PMR: Lv, Chen, Huang, Duan, Lin, "Progressive Modality Reinforcement for Human Multimodal Emotion
Recognition from Unaligned Multimodal Sequences", CVPR 2021.

A hub of the steps of all modalities and each modality reinforce each other, layer after layer. The
authors released no code: this is a reconstruction from the paper's equations and a student's
reproduction (SZU-AdvTech-2022, number 332, a384618), which is what "released" means here.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.base.errors import InputError
from msa.models.checkpoint import rename
from msa.models.packing import Packing, pack_alike
from msa.models.padding import Steps, convolve, require_choice, sequence
from msa.models.reinforcement import MRU, FeedForward, MessageUpdate
from msa.models.transformer import Encoder, encode_last

HUB = {"vision": "v", "text": "l", "audio": "a"}  # in the order of their steps in the hub
WIDTHS = {
    "text_dim": ("proj_l.weight", 1),
    "audio_dim": ("proj_a.weight", 1),
    "vision_dim": ("proj_v.weight", 1),
    "output_dim": ("out_layer.weight", 0),
    "d_model": ("proj_l.weight", 0),
}


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of the reproduction's, whose layers share their blocks."""
    if "layerNorm.weight" in state:
        shared = ("layerNorm.", "fc1.", "fc2.")
        state = {f"feedforward.0.{k}" if k.startswith(shared) else k: state[k] for k in state}
    numbered = {f".linear_proj.{kind}": f".linear_proj.0.{kind}" for kind in ("weight", "bias")}
    return rename(state, {"MRUblock.": "mrus.shared.", **numbered})


def join(sequences: Sequence[Steps]) -> Steps:
    """The steps of several sequences, those of a segment one after the other."""
    order = torch.cat([x.segments for x in sequences]).argsort(stable=True)
    lengths = np.sum([x.lengths for x in sequences], axis=0)
    return Steps(torch.cat([x.rows for x in sequences])[order], lengths)


class PMR(nn.Module):
    """Progressive modality reinforcement.

    ``text_length``, ``audio_length`` and ``vision_length`` are the most steps that the message
    update has weights for. ``shared_mru`` is the reproduction's one unit, and one feed-forward
    block, for all layers, modalities and directions.

    Raises:
        InputError: a segment has more steps.
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
        layers: int = 1,
        text_kernel: int = 3,
        audio_kernel: int = 5,
        vision_kernel: int = 3,
        text_length: int = 50,
        audio_length: int = 500,
        vision_length: int = 500,
        message_update: str = "per_sample",
        shared_mru: bool = False,
        causal: bool = True,
        attention_dropout: float = 0.25,
        relu_dropout: float = 0.1,
        embed_dropout: float = 0.3,
        residual_dropout: float = 0.1,
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = require_choice("padding", padding, ("masked", "released"))
        require_choice("message_update", message_update, ("per_sample", "released"))
        self.causal, self.layers = causal, layers
        dims = {"text": text_dim, "audio": audio_dim, "vision": vision_dim}
        kernels = {"text": text_kernel, "audio": audio_kernel, "vision": vision_kernel}
        self.lengths = {"text": text_length, "audio": audio_length, "vision": vision_length}
        self.sizes = {}  # steps of each in the hub, at most
        for name, letter in HUB.items():
            self.sizes[name] = self.lengths[name]
            if dims[name] != d_model:
                conv = nn.Conv1d(dims[name], d_model, kernels[name], bias=False)
                self.add_module(f"proj_{letter}", conv)
                self.sizes[name] = max(self.lengths[name] - kernels[name] + 1, 1)
        blocks: dict[str, Any] = {
            "d_model": d_model,
            "relu_dropout": relu_dropout,
            "residual_dropout": residual_dropout,
        }
        attention: dict[str, Any] = {"heads": heads, "attention_dropout": attention_dropout}
        pairs = [pair for letter in HUB.values() for pair in (f"h{letter}", f"{letter}h")]
        units = [f"{i}_{pair}" for i in range(layers) for pair in pairs]
        self.mrus = nn.ModuleDict(
            {unit: MRU(**blocks, **attention) for unit in (["shared"] if shared_mru else units)}
        )
        self.message_update = nn.ModuleList(
            MessageUpdate(sum(self.sizes.values()), d_model, message_update == "released")
            for _ in range(layers)
        )
        self.feedforward = nn.ModuleList(
            FeedForward(**blocks) for _ in range(1 if shared_mru else layers)
        )
        self.transformer_all = Encoder(
            **blocks, **attention, layers=layers, embed_dropout=embed_dropout, padding=padding
        )
        self.proj1 = nn.Linear(d_model, d_model)
        self.proj2 = nn.Linear(d_model, d_model)
        self.out_layer = nn.Linear(d_model, output_dim)

    def forward(self, batch: dict[str, Any]) -> Tensor:
        x = self.last_step(batch)
        return self.out_layer(x + self.proj2(F.relu(self.proj1(x))))  # (b, output_dim)

    def last_step(self, batch: dict[str, Any]) -> Tensor:
        """The last step of hub and modalities joined and encoded, (b, d)."""
        steps = {letter: self._project(name, batch) for name, letter in HUB.items()}
        hub = join([*steps.values()])
        at = pack_alike({**steps, "h": hub})

        def visible(target: str, source: str) -> Tensor:
            return at[target].visible(at[source], hub.rows.dtype, self.causal)

        within = {letter: visible(letter, letter) for letter in at}
        across = {m + "h": visible(m, "h") for m in steps} | {
            "h" + m: visible("h", m) for m in steps
        }
        embed, x = self.transformer_all.embed, {}
        for m, own in steps.items():
            x[m] = embed(at[m].pack(own.rows), at[m].positions)
        hub = join([at[m].unpack(x[m]) for m in steps])
        places = self._places(steps)
        for i, update in enumerate(self.message_update):
            h = at["h"].pack(hub.rows)
            for m in steps:
                x[m] = self._mru(i, m + "h")(x[m], h, across[m + "h"], within[m])
            messages = [
                at["h"].unpack(self._mru(i, "h" + m)(h, x[m], across["h" + m], within["h"]))
                for m in steps
            ]
            feedforward = self.feedforward[i % len(self.feedforward)]
            hub = Steps(feedforward(update(messages, places)), hub.lengths)
        whole = join([hub, *(at[m].unpack(x[m]) for m in "lva")])
        packing = Packing(whole.lengths, whole.rows.device)
        return encode_last(self.transformer_all, packing, packing.pack(whole.rows), self.causal)

    def _project(self, name: str, batch: dict[str, Any]) -> Steps:
        steps = sequence(batch, name, self.padding)
        if (longest := int(steps.lengths.max())) > (length := self.lengths[name]):
            raise InputError(
                f"pmr: expected at most {length} steps of {name}, got {longest}; set "
                f"architecture: {{{name}_length: {longest}}} or lengths: {{{name}: {length}}}"
            )
        conv = getattr(self, f"proj_{HUB[name]}", None)
        return steps if conv is None else convolve(conv, steps)

    def _mru(self, layer: int, pair: str) -> nn.Module:
        """The unit of a layer for a target and a source."""
        return self.mrus["shared" if "shared" in self.mrus else f"{layer}_{pair}"]

    def _places(self, steps: dict[str, Steps]) -> Tensor:
        """Where the message update has the steps of the hub, among those of all segments, (n,)."""
        begin, found = 0, []
        for size, x in zip(self.sizes.values(), steps.values(), strict=True):
            number = torch.from_numpy(begin + x.numbers).to(x.rows.device)
            found.append(Steps(x.segments * sum(self.sizes.values()) + number, x.lengths))
            begin += size
        return join(found).rows
