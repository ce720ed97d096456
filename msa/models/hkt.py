"""HKT: Hasan et al., "Humor Knowledge Enriched Transformer for Understanding Multimodal Humor",
AAAI 2021.

ALBERT reads the words; audio, vision and four features of each word's humor (hcf) are read by a
transformer each. Words with their humor, and audio with vision, then attend to one another.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.base.errors import InputError
from msa.models.bert import drop_pooler, hidden_states
from msa.models.checkpoint import rename
from msa.models.dropout import Dropout
from msa.models.groups import grouped
from msa.models.padding import compact, require_choice
from msa.models.plain_attention import CrossAttention, Encoder

STREAMS = ("audio", "vision", "hcf")
WIDTHS = {f"{name}_dim": (f"encoders.{name}.norm.weight", 0) for name in STREAMS}
RELEASED = {
    "text_model.": "bert.",
    "acoustic_model.": "encoders.audio.",
    "visual_model.": "encoders.vision.",
    "hcf_model.": "encoders.hcf.",
    "encoder.layers.": "layers.",
    "L_AV.": "cross.",
}


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of a released one."""
    return rename(state, RELEASED, unused=("text_model.pooler.",))


def special_pieces(mask: Tensor, types: Tensor) -> Tensor:
    """Which of the valid pieces (b, t) are [CLS], or the [SEP] that ends the pieces of a type."""
    joined = mask[:, :-1] & mask[:, 1:]
    first = ~F.pad(joined, (1, 0))
    last = ~F.pad(joined & (types[:, :-1] == types[:, 1:]), (0, 1))
    return mask & (first | last)


class HKT(nn.Module):
    """Transformers of their own for audio, vision and features of humor, beside an encoder's words.

    All are those of each piece's word. ``streams`` is "all", or which of the three is read alone,
    at the first step. With ``init="unimodal"`` there are passes for each alone, to begin with.
    ``logits="one"``: of two classes the second has a logit, the first 0. ``special_steps`` tells
    whether audio, vision and humor have steps at [CLS] and [SEP], where they are zeros.
    """

    def __init__(
        self,
        *,
        bert: nn.Module,
        audio_dim: int,
        vision_dim: int,
        hcf_dim: int,
        output_dim: int,
        text_dim: int | None = None,
        audio_layers: int = 8,
        audio_heads: int = 3,
        audio_feedforward: int = 256,
        vision_layers: int = 7,
        vision_heads: int = 3,
        vision_feedforward: int = 128,
        hcf_layers: int = 3,
        hcf_heads: int = 2,
        hcf_feedforward: int = 128,
        cross_heads: int = 2,
        fusion_dim: int = 300,
        positions: int = 5000,
        encoder_dropout: float = 0.1,
        dropout: float = 0.2366,
        streams: str = "all",
        init: str = "random",
        logits: str = "each",
        special_steps: str = "masked",
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = require_choice("padding", padding, ("masked", "released"))
        self.special_steps = require_choice("special_steps", special_steps, ("masked", "released"))
        self.streams = require_choice("streams", streams, ("all", *STREAMS))
        init = require_choice("init", init, ("random", "unimodal"))
        self.one_logit = require_choice("logits", logits, ("each", "one")) == "one"
        if self.one_logit and output_dim != 2:
            raise InputError(f"logits: one is for two classes, got {output_dim} outputs")
        outputs = 1 if self.one_logit else output_dim
        self.phases = {}
        if init == "unimodal" and streams == "all":
            self.phases = {name: (f"encoders.{name}.",) for name in STREAMS}
        self.encoders = nn.ModuleDict(
            {
                name: Encoder(
                    d_model=d_model,
                    layers=layers,
                    heads=heads,
                    feedforward=feedforward,
                    dropout=encoder_dropout,
                    positions=positions,
                    decoder_dim=outputs if name == streams or self.phases else None,
                )
                for name, d_model, layers, heads, feedforward in (
                    ("audio", audio_dim, audio_layers, audio_heads, audio_feedforward),
                    ("vision", vision_dim, vision_layers, vision_heads, vision_feedforward),
                    ("hcf", hcf_dim, hcf_layers, hcf_heads, hcf_feedforward),
                )
                if streams in ("all", name)
            }
        )
        if streams != "all":
            return
        drop_pooler(bert)
        self.bert = bert
        config: Any = bert.config
        source_dim, context_dim = config.hidden_size + hcf_dim, audio_dim + vision_dim
        self.cross = CrossAttention(
            source_dim=source_dim, context_dim=context_dim, heads=cross_heads, dropout=dropout
        )
        self.fc = nn.Sequential(
            nn.Linear(2 * (source_dim + context_dim), fusion_dim),
            nn.ReLU(),
            Dropout(dropout),
            nn.Linear(fusion_dim, outputs),
        )

    def forward(self, batch: dict[str, Any]) -> Any:
        ids, types, mask = (
            batch[name] for name in ("input_ids", "token_type_ids", "attention_mask")
        )  # (b, t)
        # an absent modality is one step of zeros
        features = [batch[name].expand(*ids.shape, -1) for name in STREAMS]
        mask = mask.bool()
        if self.padding == "masked":
            mask, ids, types, *features = compact(mask, ids, types, *features)
        words = read = mask if self.padding == "masked" else torch.ones_like(mask)
        if self.special_steps == "masked":
            words = read & ~special_pieces(mask, types)
            words = torch.where(words.any(1, keepdim=True), words, read)
        x = dict(zip(STREAMS, features, strict=True))
        if (alone := batch.get("phase", self.streams)) != "all":
            encoder: Any = self.encoders[alone]
            output = self._output(encoder.decoder(encoder(x[alone], words)[:, 0]))
            return (None, {"loss": _loss(output, batch["label"])}) if "phase" in batch else output
        text = hidden_states(self.bert, ids, types, mask, self.padding)[-1]  # (b, t, D)
        for name, encoder in self.encoders.items():
            x[name] = encoder(x[name], words).masked_fill(~words[..., None], 0)
        source = torch.cat([text, x["hcf"]], dim=-1)
        context = torch.cat([x["audio"], x["vision"]], dim=-1)
        joint = self.cross(source, context, mask, mask & words)
        greatest = [_greatest(x["vision"], words), _greatest(x["audio"], words)]
        fused = torch.cat([source[:, 0], *greatest, _greatest(joint, read)], dim=-1)
        return self._output(self.fc(fused))  # (b, output_dim)

    def _output(self, logits: Tensor) -> Tensor:
        return F.pad(logits, (1, 0)) if self.one_logit else logits

    def parameter_groups(
        self,
        lr: float,
        weight_decay: float = 0.01,
        audio_lr: float = 0.003,
        vision_lr: float = 0.003,
        hcf_lr: float = 0.0003,
    ) -> list[dict]:
        """Groups for AdamW, no decay for biases and what is called LayerNorm.

        The three encoders have rates of their own.
        """
        rates = {"audio": audio_lr, "vision": vision_lr, "hcf": hcf_lr}

        def choose(name: str, parameter: nn.Parameter) -> tuple[float, float]:
            part = name.removeprefix("encoders.").partition(".")[0]
            spared = "bias" in name or "LayerNorm.weight" in name
            return rates.get(part, lr), 0.0 if spared else weight_decay

        return grouped(self, choose)


def _greatest(x: Tensor, seen: Tensor) -> Tensor:
    """The maximum over the steps that are seen: (b, t, d) to (b, d)."""
    return x.masked_fill(~seen[..., None], -torch.inf).amax(1)


def _loss(output: Tensor, label: Tensor) -> Tensor:
    """Absolute error of numbers, cross-entropy of classes, (b, k) with as many logits each."""
    if label.is_floating_point():
        return F.l1_loss(output, label)
    return F.cross_entropy(output.reshape(label.numel(), -1), label.flatten())
