"""CENET: Wang, Liu, Wang, Tian, He, Gao, "Cross-Modal Enhancement Network for Multimodal Sentiment
Analysis", IEEE Transactions on Multimedia 2022.

Between two layers of a BERT that is fine-tuned, each word piece asks audio and vision, at their own
rate, for what is added to its state. It is the version of the MMSA framework, with BERT; the
authors' reads words by SentiLARE, and audio and vision as the numbers of clusters.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.base.errors import InputError
from msa.models.bert import drop_pooler, front_pieces, hidden_states
from msa.models.checkpoint import rename
from msa.models.dropout import Dropout
from msa.models.groups import grouped
from msa.models.padding import Steps, require_choice, sequence

BEFORE = 1  # the layer, from 0, that the enhancement is before
WIDTHS = {
    "audio_dim": ("enhancement.acoustic_transform.0.weight", 1),
    "vision_dim": ("enhancement.visual_transform.0.weight", 1),
    "output_dim": ("classifier.out_proj.weight", 0),
}


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of a released one."""
    unused = ("bert.pooler.", "senti_embeddings.", "pos_tag_embeddings.", "polarity_embeddings.")
    return rename(state, {"Model.": "", "bert.encoder.CE.": "enhancement."}, unused)


class Attention(nn.Module):
    """One head of pieces to the steps of another modality, whose scores are ``gain`` times more."""

    def __init__(self, *, width: int, gain: float) -> None:
        super().__init__()
        self.gain = gain
        self.Wq, self.Wk, self.Wv = (nn.Linear(width, width) for _ in range(3))

    def forward(self, x: Tensor, other: Tensor, mask: Tensor) -> Tensor:
        """(b, t, D) and (b, s, D), of whose steps those in ``mask`` (b, s) are there."""
        q, k, v = (part[:, None] for part in (self.Wq(x), self.Wk(other), self.Wv(other)))
        visible = mask[:, None, None]  # (b, h, t, s)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=visible, scale=self.gain)[:, 0]


class Enhancement(nn.Module):
    """What audio and vision add to the states of word pieces."""

    def __init__(self, *, width: int, audio_dim: int, vision_dim: int, gain: float) -> None:
        super().__init__()
        self.acoustic_transform, self.visual_transform = (
            nn.Sequential(nn.Linear(input_dim, width), nn.ReLU(), nn.Linear(width, width))
            for input_dim in (audio_dim, vision_dim)
        )
        self.ha, self.hv = (Attention(width=width, gain=gain) for _ in range(2))
        self.cat_connect = nn.Linear(2 * width, width)

    def forward(self, x: Tensor, audio: Steps, vision: Steps) -> Tensor:
        """States (b, t, D) of pieces to what is added to them."""
        found = [
            attention(x, *Steps(transform(steps.rows), steps.lengths).padded())
            for attention, transform, steps in (
                (self.hv, self.visual_transform, vision),
                (self.ha, self.acoustic_transform, audio),
            )
        ]
        return self.cat_connect(torch.cat(found, dim=2))


class Classifier(nn.Module):
    """The state at [CLS] through two layers."""

    def __init__(self, *, width: int, output_dim: int, dropout: float) -> None:
        super().__init__()
        self.dropout = Dropout(dropout)
        self.dense = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, output_dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.out_proj(self.dropout(torch.tanh(self.dense(self.dropout(x)))))


class CENET(nn.Module):
    """BERT with a cross-modal enhancement behind its first layer.

    ``gain`` multiplies the scores, where one over the root of the width is usual: a piece takes up
    nearly one step alone. ``bert`` loses its pooler, which has no part, and its embeddings do not
    learn; ``text_dim`` is not used.
    """

    def __init__(
        self,
        *,
        bert: nn.Module,
        audio_dim: int,
        vision_dim: int,
        output_dim: int,
        text_dim: int | None = None,
        gain: float = 8.0,
        output_dropout: float = 0.1,
        freeze_embeddings: bool = True,
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = require_choice("padding", padding, ("masked", "released"))
        config: Any = bert.config
        if config.model_type != "bert" or config.num_hidden_layers <= BEFORE:
            raise InputError(
                "cenet: expected an encoder that is BERT, of two layers at least, for audio and "
                f"vision come in between, got {config.model_type} of {config.num_hidden_layers}; "
                "choose a BERT, or another model"
            )
        drop_pooler(bert)
        if freeze_embeddings:
            embeddings: Any = bert.embeddings
            embeddings.requires_grad_(False)
        self.bert = bert
        width: int = config.hidden_size
        self.enhancement = Enhancement(
            width=width, audio_dim=audio_dim, vision_dim=vision_dim, gain=gain
        )
        self.classifier = Classifier(width=width, output_dim=output_dim, dropout=output_dropout)

    def forward(self, batch: dict[str, Any]) -> Tensor:
        mask, ids, types = front_pieces(batch, self.padding)  # (b, t)
        audio, vision = (sequence(batch, name, self.padding) for name in ("audio", "vision"))

        def enhance(x: Tensor, places: Tensor) -> Tensor:
            # each segment attends to its own steps, so that shared rows are taken apart
            states = x.new_zeros(ids.numel() + 1, x.shape[2])
            states = states.index_copy(0, places.flatten(), x.flatten(0, 1))[1:]
            more = self.enhancement(states.unflatten(0, ids.shape), audio, vision)
            return x + F.pad(more.flatten(0, 1), (0, 0, 1, 0))[places]

        # from 1: a step of a shared row that is no segment's is at 0
        places = torch.arange(1, ids.numel() + 1, device=ids.device).view(ids.shape)
        x = hidden_states(
            self.bert, ids, types, mask, self.padding, enhance, places, before=BEFORE
        )[-1]
        return self.classifier(x[:, 0])  # (b, output_dim)

    def parameter_groups(
        self, lr: float, weight_decay: float, eps: float = 1e-8
    ) -> list[dict[str, Any]]:
        """No decay for biases and for what scales a LayerNorm, outside the enhancement."""

        def choose(name: str, parameter: nn.Parameter) -> tuple[float, float]:
            spared = name.endswith(("bias", "LayerNorm.weight"))
            spared = spared and not name.startswith("enhancement.")
            return lr, 0.0 if spared else weight_decay

        return [group | {"eps": eps} for group in grouped(self, choose)]
