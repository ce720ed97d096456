"""CM-BERT: Yang, Xu, Gao, "CM-BERT: Cross-Modal BERT for Text-Audio Sentiment Analysis", MM 2020.

BERT is fine-tuned together with one attention over its word pieces, whose weights come from text
and audio; the state at [CLS] makes the prediction.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.models.bert import drop_pooler, hidden_states
from msa.models.checkpoint import rename
from msa.models.groups import grouped
from msa.models.padding import compact, masked_mean, require_choice

MASKED = -10000.0
WIDTHS = {"audio_dim": ("fusion.proj_a.weight", 1), "output_dim": ("classifier.weight", 0)}


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of a released one."""
    return rename(state, {"BertFinetun.": "fusion."}, ("bert.pooler.",))


class MaskedMultimodalAttention(nn.Module):
    """Attention over text states, weighted by the likeness of text and of audio projections."""

    def __init__(
        self,
        *,
        width: int,
        audio_dim: int,
        projection_dim: int,
        attention_dropout: float,
        hidden_dropout: float,
        text_scale: str,
    ) -> None:
        super().__init__()
        self.text_scale = require_choice("text_scale", text_scale, ("sample", "batch"))
        self.proj_t = nn.Conv1d(width, projection_dim, 1, bias=False)
        self.proj_a = nn.Conv1d(audio_dim, projection_dim, 1, bias=False)
        self.text_weight_1 = nn.Parameter(torch.ones(1))
        self.audio_weight_1 = nn.Parameter(torch.ones(1))
        self.bias = nn.Parameter(torch.zeros(1))
        self.dense = nn.Linear(width, width)
        self.LayerNorm1 = nn.LayerNorm(width, eps=1e-12)
        self.attention_dropout = nn.Dropout(attention_dropout)
        self.hidden_dropout = nn.Dropout(hidden_dropout)

    def forward(self, x: Tensor, audio: Tensor, mask: Tensor, norm_mask: Tensor) -> Tensor:
        """States (b, t, D) and audio (b, t, d); ``norm_mask`` (b, t) are the steps in the norm."""
        text = self.proj_t(x.transpose(1, 2)).transpose(1, 2)  # (b, t, projection_dim)
        audio = self.proj_a(audio.transpose(1, 2)).transpose(1, 2)
        rows = text.detach().masked_fill(~norm_mask[..., None], 0).flatten(1)
        norm = rows.norm(dim=1) if self.text_scale == "sample" else rows.norm()  # (b,) or ()
        text = text / norm.clamp(min=1e-12).sqrt().view(-1, 1, 1)
        weights = (
            self.text_weight_1 * F.relu(text @ text.mT)
            + self.audio_weight_1 * F.relu(audio @ audio.mT)
            + self.bias
        )  # (b, t, t)
        hidden = MASKED * (~mask).to(x.dtype)
        weights = (weights + hidden[:, None, :] + hidden[:, :, None]).softmax(-1)
        x = self.attention_dropout(weights) @ x + x
        return self.LayerNorm1(self.hidden_dropout(self.dense(x)))


def _with_cls_mean(audio: Tensor, mask: Tensor) -> Tensor:
    """Audio whose first valid step, [CLS], is the average over those between [CLS] and [SEP]."""
    count = mask.cumsum(1)  # (b, t)
    words = mask & (count > 1) & (count < count[:, -1:])
    mean = masked_mean(audio, words)[:, None]  # (b, 1, d)
    return torch.where((mask & (count == 1))[..., None], mean, audio)


class CMBert(nn.Module):
    """Cross-modal BERT.

    With the published ``cls_audio="zero"`` audio is left as it comes, zero at [CLS]: it then has
    no part in a prediction and learns nothing. ``"mean"`` puts the average of the words there.
    ``text_scale="batch"`` is the released code, where rows of a batch change each other.
    ``classifier="frozen"`` is the released script, whose last layer is among no trained parameters
    and stays as it was drawn. ``bert`` loses its pooler, which takes no part; ``text_dim`` and
    ``vision_dim`` are not used.
    """

    def __init__(
        self,
        *,
        bert: nn.Module,
        audio_dim: int,
        output_dim: int,
        text_dim: int | None = None,
        vision_dim: int | None = None,
        projection_dim: int = 30,
        attention_dropout: float = 0.3,
        hidden_dropout: float = 0.1,
        output_dropout: float = 0.1,
        freeze_embeddings: bool = True,
        text_scale: str = "sample",
        cls_audio: str = "zero",
        classifier: str = "trained",
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = require_choice("padding", padding, ("masked", "released"))
        self.cls_audio = require_choice("cls_audio", cls_audio, ("zero", "mean"))
        config: Any = bert.config
        width: int = config.hidden_size
        drop_pooler(bert)
        if freeze_embeddings:
            embeddings: Any = bert.embeddings
            embeddings.requires_grad_(False)
        self.bert = bert
        self.fusion = MaskedMultimodalAttention(
            width=width,
            audio_dim=audio_dim,
            projection_dim=projection_dim,
            attention_dropout=attention_dropout,
            hidden_dropout=hidden_dropout,
            text_scale=text_scale,
        )
        self.output_dropout = nn.Dropout(output_dropout)
        self.classifier = nn.Linear(width, output_dim)
        trained = require_choice("classifier", classifier, ("trained", "frozen")) == "trained"
        self.classifier.requires_grad_(trained)

    def forward(self, batch: dict[str, Any]) -> Tensor:
        ids, mask, audio = batch["input_ids"], batch["attention_mask"].bool(), batch["audio"]
        segments = batch["token_type_ids"]
        b, t = ids.shape
        if audio.shape[1] != t:
            audio = audio.expand(b, t, -1)  # an absent modality is one step of zeros
        if self.padding == "masked":
            mask, ids, segments, audio = compact(mask, ids, segments, audio)
        norm_mask = mask if self.padding == "masked" else torch.ones_like(mask)
        if self.cls_audio == "mean":
            audio = _with_cls_mean(audio, mask)
        x = hidden_states(self.bert, ids, segments, mask, self.padding)[-1]  # (b, t, D)
        x = self.fusion(x, audio, mask, norm_mask)[:, 0]
        return self.classifier(self.output_dropout(x))  # (b, output_dim)

    def parameter_groups(
        self, lr: float = 2e-5, fusion_lr: float = 0.01, weight_decay: float = 0.01
    ) -> list[dict]:
        """Groups for Adam: the fusion block has its own rate, biases and LayerNorms no decay."""

        def choose(name: str, parameter: nn.Parameter) -> tuple[float, float]:
            spared = "LayerNorm" in name or name.endswith("bias")
            rate = fusion_lr if name.startswith("fusion.") else lr
            return rate, 0.0 if spared else weight_decay

        return grouped(self, choose)
