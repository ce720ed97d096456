"""CLGSI: Yang, Dong, Qiang, "CLGSI: A Multimodal Sentiment Analysis Framework based on Contrastive
Learning Guided by Sentiment Intensity", Findings of NAACL 2024.

In a batch, segments of like sentiment are drawn together and those of unlike sentiment driven
apart, by how much their labels differ; one function of three numbers fuses text, audio and vision.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.base.errors import InputError
from msa.models.bert import drop_pooler, encode_pieces
from msa.models.checkpoint import rename
from msa.models.dropout import Dropout
from msa.models.groups import rate_groups
from msa.models.intensity import intensity_contrast
from msa.models.padding import Steps, normalize, require_choice, sequence, valid_steps

WIDTHS = {
    "audio_dim": ("audio_model.layers.0.linear1.weight", 1),
    "vision_dim": ("vision_model.layers.0.linear1.weight", 1),
    "output_dim": ("post_fusion_layer_3.weight", 0),
    "width": ("post_text_layer_1.weight", 0),
    "filters": ("glfk.3.weight", 0),
}
MODALITIES = ("text", "audio", "vision")
PAIRS = (("vision", "audio"), ("vision", "text"), ("text", "audio"))


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of a released one."""
    names = {
        "Model.": "",
        "text_model.model.": "bert.",
        "video": "vision",
        ".transformer_encoder.": ".",
        "GLFK.fc.": "glfk.",
        "_skip_net.fc.": "_skip_net.",
    }
    unused = [f".post_{name}_layer_2." for name in ("text", "audio", "video")]
    unused += [
        ".pooler.",
        ".encoder_layer.",
        ".post_fusion_layer_1.",
        ".skip_connection_BatchNorm.",
    ]
    return rename(state, names, tuple(unused))


def positions(x: Tensor) -> Tensor:
    """Sines and cosines by turns, of positions from 0, for steps (b, t, d): (t, d)."""
    _, t, d = x.shape
    rates = torch.exp(torch.arange(0, d, 2).to(x) * (-math.log(10000) / d))
    angles = torch.arange(t).to(x)[:, None] * rates  # (t, d / 2)
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)[:, :d]


class CLGSI(nn.Module):
    """The prediction, and in training the contrast of the batch's segments.

    ``label_range`` is the largest label, of the training fold by default; as released it is 3
    whatever the labels are, and ``self_pairs="released"`` contrasts a segment with itself too.
    ``filters`` are those of the function that fuses, ``reduction`` divides the hidden widths of
    what goes past it. ``bert`` loses its pooler, which has no part.
    """

    def __init__(
        self,
        *,
        bert: nn.Module,
        audio_dim: int,
        vision_dim: int,
        output_dim: int,
        text_dim: int | None = None,
        width: int = 64,
        fusion_width: int = 128,
        filters: int = 16,
        reduction: int = 2,
        audio_heads: int = 1,
        vision_heads: int = 1,
        audio_layers: int = 2,
        vision_layers: int = 2,
        feed_forward: int = 2048,
        encoder_dropout: float = 0.1,
        post_dropout: float = 0.05,
        fusion_dropout: float = 0.2,
        contrast_weight: float = 0.95,
        label_range: float | None = None,
        self_pairs: str = "out",
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = require_choice("padding", padding, ("masked", "released"))
        self.self_pairs = require_choice("self_pairs", self_pairs, ("out", "released"))
        self.contrast_weight, self.label_range = contrast_weight, label_range
        drop_pooler(bert)
        self.bert = bert
        config: Any = bert.config
        dims = {"text": config.hidden_size, "audio": audio_dim, "vision": vision_dim}

        def encoder(d: int, heads: int, layers: int) -> nn.TransformerEncoder:
            heads = heads if d > 1 else 1  # a modality that is absent is one column
            if d % heads:
                raise InputError(f"heads: expected a divisor of the width {d}, got {heads}")
            layer = nn.TransformerEncoderLayer(
                d, heads, feed_forward, encoder_dropout, batch_first=True
            )
            return nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)

        self.audio_model = encoder(audio_dim, audio_heads, audio_layers)
        self.vision_model = encoder(vision_dim, vision_heads, vision_layers)
        self.post_dropout, self.fusion_dropout = Dropout(post_dropout), Dropout(fusion_dropout)
        for name, d in dims.items():
            self.add_module(f"post_{name}_layer_1", nn.Linear(d, width))
            hidden = max(d // reduction, 1)
            skip = nn.Sequential(
                nn.Linear(d, hidden), nn.ReLU(), nn.Linear(hidden, width, bias=False), nn.Sigmoid()
            )
            self.add_module(f"{name}_skip_net", skip)
        self.glfk = nn.Sequential(
            nn.Conv2d(1, 1, (1, 3)),
            nn.Conv2d(1, filters // 2, 1),
            nn.PReLU(),
            nn.Conv2d(filters // 2, filters, 1),
            nn.Conv2d(filters, 1, 1),
            nn.Tanh(),
        )
        self.post_fusion_layer_skip_connection = nn.Linear(4 * width, 3 * fusion_width)
        self.post_fusion_layer_2 = nn.Linear(3 * fusion_width, 2 * fusion_width)
        self.fusionBatchNorm = nn.BatchNorm1d(2 * fusion_width)
        self.post_fusion_layer_3 = nn.Linear(2 * fusion_width, output_dim)

    def start_training(self, labels: Tensor) -> None:
        """An InputError if there are more targets (n, targets) than one."""
        if labels.shape[1] != 1:
            raise InputError(f"clgsi: expected labels of one target, got {labels.shape[1]}")
        self.largest = self.label_range or labels.abs().max().item() or 1.0

    def forward(self, batch: dict[str, Any]) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        prediction, features = self.views(batch)
        if not self.training:
            return prediction  # (b, output_dim)
        contrast = torch.stack(self.contrasts(features, batch["label"])).sum()
        return prediction, {"contrast": self.contrast_weight * contrast}

    def views(self, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        """The prediction (b, output_dim), what it is made from, and each modality's vector."""
        steps = {
            "text": encode_pieces(self.bert, batch, self.padding),
            "audio": self._encode(self.audio_model, sequence(batch, "audio", self.padding)),
            "vision": self._encode(self.vision_model, sequence(batch, "vision", self.padding)),
        }
        features = {}
        for name, x in steps.items():
            vector = self.post_dropout(x.first if name == "text" else x.last)
            features[name] = F.relu(self.get_submodule(f"post_{name}_layer_1")(vector))  # (b, P)
        stack = torch.stack([features[name] for name in MODALITIES], dim=2)[:, None]  # (b, 1, P, 3)
        fused = self.glfk(stack)[:, 0, :, 0]  # (b, P)
        skips = [self.get_submodule(f"{name}_skip_net")(x.mean()) for name, x in steps.items()]
        joined = self.fusion_dropout(torch.cat([fused, *skips], dim=1))
        features["fusion"] = self.post_fusion_layer_skip_connection(joined)
        hidden = F.relu(self.post_fusion_layer_2(features["fusion"]))
        return self.post_fusion_layer_3(normalize(self.fusionBatchNorm, hidden)), features

    def contrasts(self, features: dict[str, Tensor], label: Tensor) -> list[Tensor]:
        """Of each pair of modalities, by labels (b, 1)."""
        label, all_pairs = label[:, 0] / self.largest, self.self_pairs == "released"
        return [
            intensity_contrast(features[m], features[n], label, self_pairs=all_pairs)
            for m, n in PAIRS
        ]

    def _encode(self, encoder: nn.TransformerEncoder, steps: Steps) -> Steps:
        x, mask = steps.padded()  # (b, t, d)
        return valid_steps(mask, encoder(x + positions(x), src_key_padding_mask=~mask))[0]

    def parameter_groups(
        self,
        lr: float,
        weight_decay: float,
        bert_lr: float = 5e-5,
        bert_decay: float = 0.01,
        audio_lr: float = 5e-3,
        audio_decay: float = 0.01,
        vision_lr: float = 1e-3,
        vision_decay: float = 0.001,
    ) -> list[dict[str, Any]]:
        """The encoder, whose biases and LayerNorms do not decay, audio, vision, the others."""
        return rate_groups(
            self,
            bert=(bert_lr, bert_decay),
            audio=(audio_lr, audio_decay),
            vision=(vision_lr, vision_decay),
            others=(lr, weight_decay),
        )
