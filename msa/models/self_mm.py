"""Self-MM: Yu, Xu, Yuan, Wu, "Learning Modality-Specific Representations with Self-Supervised
Multi-Task Learning for Multimodal Sentiment Analysis", AAAI 2021.

Text, audio and vision each predict the sentiment too, by labels of their own that training makes
from the given one and from where their representations lie.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.models.bert import drop_pooler, front_pieces, hidden_states
from msa.models.checkpoint import rename
from msa.models.groups import rate_groups
from msa.models.last_state import LastState
from msa.models.made_labels import VIEWS, Labels, heads_of, read_heads
from msa.models.padding import Steps, require_choice, sequence, valid_steps

WIDTHS = {
    "audio_dim": ("audio_model.rnn.weight_ih_l0", 1),
    "vision_dim": ("vision_model.rnn.weight_ih_l0", 1),
    "output_dim": ("heads.fusion.layer_3.weight", 0),
}


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of a released one."""
    names = {"Model.": "", "text_model.model.": "bert.", "video": "vision"}
    names |= {f"post_{view}_layer_": f"heads.{view}.layer_" for view in VIEWS}
    return rename(state, names, (".pooler.",))


class SelfMM(nn.Module):
    """A prediction from all three modalities, and in training a term of the loss for each alone.

    Zero is neither positive nor negative where centres are taken, unless ``exclude_zero=False``
    as released. ``lengths="text"`` is the released code on aligned data: audio and vision have as
    many steps as the text has pieces, [CLS] and [SEP] included. ``padding`` makes no difference:
    the released code reads none either. ``bert`` loses its pooler, which has no part;
    ``label_limit`` is the largest label that is made.
    """

    def __init__(
        self,
        *,
        bert: nn.Module,
        audio_dim: int,
        vision_dim: int,
        output_dim: int,
        text_dim: int | None = None,
        audio_hidden: int = 32,
        vision_hidden: int = 64,
        audio_out: int = 16,
        vision_out: int = 32,
        fusion_width: int = 128,
        text_width: int = 64,
        audio_width: int = 16,
        vision_width: int = 32,
        fusion_dropout: float = 0.1,
        text_dropout: float = 0.0,
        audio_dropout: float = 0.1,
        vision_dropout: float = 0.1,
        label_limit: float = 3.0,
        exclude_zero: bool = True,
        lengths: str = "own",
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = require_choice("padding", padding, ("masked", "released"))
        self.lengths = require_choice("lengths", lengths, ("own", "text"))
        self.label_limit, self.exclude_zero = label_limit, exclude_zero
        drop_pooler(bert)
        self.bert = bert
        config: Any = bert.config
        text: int = config.hidden_size
        self.audio_model = LastState(
            input_dim=audio_dim, hidden=audio_hidden, output_dim=audio_out, dropout=audio_dropout
        )
        self.vision_model = LastState(
            input_dim=vision_dim,
            hidden=vision_hidden,
            output_dim=vision_out,
            dropout=vision_dropout,
        )
        sizes = {
            "fusion": (text + audio_out + vision_out, fusion_width, fusion_dropout),
            "text": (text, text_width, text_dropout),
            "audio": (audio_out, audio_width, audio_dropout),
            "vision": (vision_out, vision_width, vision_dropout),
        }
        self.heads = heads_of(sizes, output_dim)
        self.epoch = 1

    def start_training(self, labels: Tensor) -> None:
        """Labels of all modalities are the given ones (n, 1) at first.

        Raises:
            InputError: there are more targets than one.
        """
        self.labels = Labels(
            labels, system="self_mm", limit=self.label_limit, exclude_zero=self.exclude_zero
        )

    def start_epoch(self, number: int) -> None:
        self.epoch = number

    def forward(self, batch: dict[str, Any]) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        outputs, features = self.views(batch)
        if not self.training:
            return outputs["fusion"]
        terms = self.labels.terms(outputs, batch)
        self.labels.update(batch["segments"], features, self.epoch)
        return outputs["fusion"], terms

    def views(self, batch: dict[str, Any]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Predictions (b, output_dim) and representations (b, d) of all modalities and of each."""
        mask, ids, types = front_pieces(batch)
        vectors = {
            "text": hidden_states(self.bert, ids, types, mask, "masked")[-1][:, 0],
            "audio": self.audio_model(self._steps(batch, "audio", mask)),
            "vision": self.vision_model(self._steps(batch, "vision", mask)),
        }
        vectors["fusion"] = torch.cat([*vectors.values()], dim=1)
        return read_heads(self.heads, vectors)

    def _steps(self, batch: dict[str, Any], modality: str, mask: Tensor) -> Steps:
        """A modality's own steps, or as many as there are pieces in ``mask`` (b, t)."""
        steps = sequence(batch, modality)
        if self.lengths == "own":
            return steps
        x, _ = steps.padded()  # zeros behind, of which the released code reads some
        t = mask.shape[1]
        return valid_steps(mask, F.pad(x[:, :t], (0, 0, 0, t - min(t, x.shape[1]))))[0]

    def parameter_groups(
        self,
        lr: float,
        weight_decay: float,
        bert_lr: float = 5e-5,
        bert_decay: float = 0.001,
        audio_lr: float = 1e-3,
        audio_decay: float = 0.01,
        vision_lr: float = 1e-4,
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
