"""DLF: Wang, Zhou, Wu, Chen, Hu, "DLF: Disentangled-Language-Focused Multimodal Sentiment
Analysis", AAAI 2025.

Each modality is taken apart into what it shares with the others and what is its own; of the latter
text attends to audio and vision, and each part makes a prediction too.
"""

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.base.errors import InputError
from msa.models.bert import drop_pooler, encode_pieces
from msa.models.checkpoint import rename
from msa.models.disentangled import Disentangling, Streams, encode_own_last
from msa.models.dropout import Dropout
from msa.models.padding import Steps, require_choice, sequence
from msa.models.transformer import MEMORY_LAYERS, Encoder

LETTERS = {"text": "l", "vision": "v", "audio": "a"}  # in the order of what is joined
WEIGHTS = {"shared": 1.0, "specific_text": 3.0, "specific_vision": 1.0, "specific_audio": 1.0}
WEIGHTS |= {"reconstruction": 0.1, "specific": 0.1, "orthogonal": 0.01, "triplet": 0.01}
PARTS = {"proj": "apart.proj", "encoder_s": "apart.encoder_own", "decoder": "apart.decoder"}
PARTS |= {"align_c": "apart.align", "self_attentions_c": "shared_memory", "projector": "projector"}
WIDTHS = {
    "audio_dim": ("apart.proj.audio.weight", 1),
    "vision_dim": ("apart.proj.vision.weight", 1),
    "output_dim": ("heads.fusion.output.weight", 0),
    "d_model": ("apart.decoder.text.weight", 0),
    "text_kernel": ("apart.proj.text.weight", 2),
    "audio_kernel": ("apart.proj.audio.weight", 2),
    "vision_kernel": ("apart.proj.vision.weight", 2),
}


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of a released one."""
    names = {"text_model.model.": "bert.", "encoder_c.": "apart.encoder_shared."}
    for theirs, ours in (("proj1", "linear_1"), ("proj2", "linear_2"), ("out_layer", "output")):
        names |= {f"{theirs}.": f"heads.fusion.{ours}.", f"{theirs}_c.": f"heads.shared.{ours}."}
        names |= {f"{theirs}_{m}_high.": f"heads.{name}.{ours}." for name, m in LETTERS.items()}
    for name, m in LETTERS.items():
        names |= {f"{theirs}_{m}.": f"{ours}.{name}." for theirs, ours in PARTS.items()}
        names |= {f"trans_l_with_{m}.": f"crossing.{name}.", f"trans_{m}_mem.": f"memory.{name}."}
    names |= {"projector_c.": "projector.shared."}
    unused = (".pooler.", "proj_cosine_", "_low.", "trans_a_with_", "trans_v_with_")
    return rename(state, names, unused)


class Head(nn.Module):
    """A vector, refined, and the prediction from it."""

    def __init__(self, *, width: int, output_dim: int, dropout: float) -> None:
        super().__init__()
        self.linear_1, self.linear_2 = nn.Linear(width, width), nn.Linear(width, width)
        self.dropout = Dropout(dropout)
        self.output = nn.Linear(width, output_dim)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = x + self.linear_2(self.dropout(F.relu(self.linear_1(x))))
        return x, self.output(x)


class DLF(nn.Module):
    """The prediction from all parts, and in training the terms of each part and of their relations.

    ``text_length``, ``audio_length`` and ``vision_length`` are the most steps that the term
    "triplet" sees; nothing else depends on them. ``orthogonal_rows`` is what a cosine of the term
    "orthogonal" is of: a "step", or as released so many channels, 50 on MOSI and 10 on MOSEI.
    ``bert`` loses its pooler, which has no part; ``text_dim`` is not used.
    """

    def __init__(
        self,
        *,
        bert: nn.Module,
        audio_dim: int,
        vision_dim: int,
        output_dim: int,
        text_dim: int | None = None,
        text_length: int = 50,
        audio_length: int = 50,
        vision_length: int = 50,
        d_model: int = 50,
        heads: int = 10,
        layers: int = 2,
        text_kernel: int = 5,
        audio_kernel: int = 5,
        vision_kernel: int = 5,
        text_attention_dropout: float = 0.3,
        audio_attention_dropout: float = 0.2,
        vision_attention_dropout: float = 0.0,
        relu_dropout: float = 0.0,
        residual_dropout: float = 0.0,
        embed_dropout: float = 0.2,
        text_dropout: float = 0.5,
        output_dropout: float = 0.5,
        orthogonal_rows: str | int = "step",
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = require_choice("padding", padding, ("masked", "released"))
        config: Any = bert.config
        drop_pooler(bert)
        self.bert = bert
        self.text_dropout = Dropout(text_dropout)
        encoder = partial(
            Encoder,
            d_model=d_model,
            heads=heads,
            relu_dropout=relu_dropout,
            residual_dropout=residual_dropout,
            embed_dropout=embed_dropout,
            padding=padding,
        )
        own = partial(encoder, layers=layers)
        memory = partial(encoder, attention_dropout=text_attention_dropout)
        dropouts = {
            "text": text_attention_dropout,
            "audio": audio_attention_dropout,
            "vision": vision_attention_dropout,
            "shared": text_attention_dropout,
        }
        self.apart = Disentangling(
            widths={"text": config.hidden_size, "audio": audio_dim, "vision": vision_dim},
            lengths={"text": text_length, "audio": audio_length, "vision": vision_length},
            kernels={"text": text_kernel, "audio": audio_kernel, "vision": vision_kernel},
            dropouts=dropouts,
            d_model=d_model,
            orthogonal_rows=orthogonal_rows,
            encoder=own,
        )
        self.shared_memory = nn.ModuleDict({name: memory(layers=layers) for name in LETTERS})
        self.crossing = nn.ModuleDict(
            {name: own(attention_dropout=dropouts[name]) for name in ("audio", "vision")}
        )
        depths = dict.fromkeys(LETTERS, max(layers, MEMORY_LAYERS)) | {"text": layers}
        self.memory = nn.ModuleDict({name: memory(layers=depths[name]) for name in LETTERS})
        widths = dict.fromkeys(LETTERS, d_model) | {"shared": 3 * d_model}
        self.projector = nn.ModuleDict({name: nn.Linear(d, d) for name, d in widths.items()})
        head = partial(Head, output_dim=output_dim, dropout=output_dropout)
        widths |= {"fusion": 6 * d_model}
        self.heads = nn.ModuleDict({name: head(width=d) for name, d in widths.items()})

    def start_training(self, labels: Tensor) -> None:
        """An InputError if there are more targets (n, targets) than one."""
        if labels.shape[1] != 1:
            raise InputError(f"dlf: expected labels of one target, got {labels.shape[1]}")

    def forward(self, batch: dict[str, Any]) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        streams = self.apart({name: self._steps(batch, name) for name in LETTERS})
        outputs = self.outputs(streams)
        if not self.training:
            return outputs["fusion"]
        terms = self.terms(streams, outputs, batch["label"])
        return outputs["fusion"], {name: WEIGHTS[name] * terms[name] for name in WEIGHTS}

    def outputs(self, streams: Streams) -> dict[str, Tensor]:
        """Predictions (b, output_dim) of all parts together, "fusion", and of each."""
        text, x = streams.packings["text"], streams.own["text"]
        vectors = {"text": encode_own_last(self.memory["text"], text, x)}
        for name in ("vision", "audio"):
            other, y = streams.packings[name], streams.own[name]
            visible = text.visible(other, x.dtype, causal=True)
            found = self.crossing[name](x, text.positions, visible, y, other.positions)
            vectors[name] = encode_own_last(self.memory[name], text, found)
        ends = [
            encode_own_last(self.shared_memory[name], streams.packings[name], streams.shared[name])
            for name in LETTERS
        ]
        vectors["shared"] = torch.cat(ends, dim=1)  # (b, 3d)
        heads = {name: self.heads[name](x) for name, x in vectors.items()}
        # what is shared enters as it was, what is specific refined
        refined = {name: x for name, (x, _) in heads.items()} | {"shared": vectors["shared"]}
        parts = [self.projector[name](x).sigmoid() for name, x in refined.items()]
        heads["fusion"] = self.heads["fusion"](torch.cat(parts, dim=1))  # of (b, 6d)
        return {name: output for name, (_, output) in heads.items()}

    def terms(
        self, streams: Streams, outputs: dict[str, Tensor], label: Tensor
    ) -> dict[str, Tensor]:
        """Terms of the loss, without their weights, for labels (b, 1)."""
        names = {"shared": "shared"} | {name: f"specific_{name}" for name in LETTERS}
        terms = {names[part]: (outputs[part] - label).abs().mean() for part in names}
        return terms | self.apart.losses(streams, label[:, 0])

    def _steps(self, batch: dict[str, Any], modality: str) -> Steps:
        if modality != "text":
            return sequence(batch, modality, self.padding)
        steps = encode_pieces(self.bert, batch, self.padding)
        return Steps(self.text_dropout(steps.rows), steps.lengths)
