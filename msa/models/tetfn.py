"""TETFN: Wang, Guo, Tian, Liu, He, Luo, "TETFN: A text enhanced transformer fusion network for
multimodal sentiment analysis", Pattern Recognition 136, 2023.

Text, audio and vision attend to each other, audio and vision by way of the text; each modality
predicts the sentiment too, by labels that training makes for it as Self-MM does.
"""

from functools import partial
from typing import Any

from torch import Tensor, nn

from msa.models.bert import drop_pooler, encode_pieces
from msa.models.checkpoint import LETTERS, rename
from msa.models.groups import rate_groups
from msa.models.made_labels import VIEWS, Labels, heads_of, read_heads
from msa.models.padding import Steps, convolve, max_pool, require_choice, sequence, shorten
from msa.models.recurrence import recur
from msa.models.text_enhanced import TextEnhanced
from msa.models.transformer import Encoder

LAYERS = 2
WIDTHS = {
    "audio_dim": ("audio_model.rnn.weight_ih_l0", 1),
    "vision_dim": ("vision_model.rnn.weight_ih_l0", 1),
    "output_dim": ("heads.fusion.layer_3.weight", 0),
    "d_model": ("proj_l.weight", 0),
    "text_kernel": ("proj_l.weight", 2),
    "audio_kernel": ("audio_model.conv.weight", 2),
    "vision_kernel": ("vision_model.conv.weight", 2),
}


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of a released one."""
    names = {"Model.": "", "text_model.model.": "bert.", "video": "vision", "trans_": "trans."}
    names |= {f"post_{view}_layer_": f"heads.{view}.layer_" for view in VIEWS}
    return rename(state, names, (".pooler.",))


class Recurrence(nn.Module):
    """The states of an LSTM at all steps, and a convolution."""

    def __init__(self, *, input_dim: int, hidden: int, d_model: int, kernel: int) -> None:
        super().__init__()
        self.rnn = nn.LSTM(input_dim, hidden, batch_first=True)
        self.conv = nn.Conv1d(hidden, d_model, kernel, bias=False)

    def forward(self, steps: Steps) -> Steps:
        return convolve(self.conv, Steps(recur(self.rnn, steps), steps.lengths))


class TETFN(nn.Module):
    """A prediction from all three modalities, and in training a term of the loss for each alone.

    Audio and vision first have as many steps as the text has pieces, as means of theirs. As
    released, ``vision_kernel`` is "audio", whatever vision's own is, ``positions="released"``
    leaves only the text-enhanced encoders knowing the steps' order, and ``label_limit``, the
    largest label that is made, is 3; by default it is the largest of the training fold. ``bert``
    loses its pooler, which has no part.
    """

    def __init__(
        self,
        *,
        bert: nn.Module,
        audio_dim: int,
        vision_dim: int,
        output_dim: int,
        text_dim: int | None = None,
        d_model: int = 50,
        heads: int = 5,
        audio_hidden: int = 16,
        vision_hidden: int = 64,
        text_kernel: int = 1,
        audio_kernel: int = 1,
        vision_kernel: int | str = 1,
        fusion_width: int = 64,
        text_width: int = 32,
        audio_width: int = 32,
        vision_width: int = 16,
        text_audio_dropout: float = 0.0,
        text_vision_dropout: float = 0.0,
        attention_dropout: float = 0.0,
        relu_dropout: float = 0.0,
        embed_dropout: float = 0.0,
        residual_dropout: float = 0.0,
        fusion_dropout: float = 0.0,
        text_dropout: float = 0.0,
        audio_dropout: float = 0.0,
        vision_dropout: float = 0.0,
        positions: str = "all",
        label_limit: float | None = None,
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = require_choice("padding", padding, ("masked", "released"))
        everywhere = require_choice("positions", positions, ("all", "released")) == "all"
        if isinstance(vision_kernel, str):
            require_choice("vision_kernel", vision_kernel, ("audio", "a number"))
            vision_kernel = audio_kernel
        self.label_limit = label_limit
        drop_pooler(bert)
        self.bert = bert
        config: Any = bert.config
        recurrence = partial(Recurrence, d_model=d_model)
        self.proj_l = nn.Conv1d(config.hidden_size, d_model, text_kernel, bias=False)
        self.audio_model = recurrence(input_dim=audio_dim, hidden=audio_hidden, kernel=audio_kernel)
        self.vision_model = recurrence(
            input_dim=vision_dim, hidden=vision_hidden, kernel=vision_kernel
        )
        encoder = partial(
            Encoder,
            heads=heads,
            attention_dropout=attention_dropout,
            relu_dropout=relu_dropout,
            residual_dropout=residual_dropout,
            embed_dropout=embed_dropout,
            positions=everywhere,
            padding=padding,
        )
        self.trans = TextEnhanced(
            d_model=d_model,
            layers=LAYERS,
            encoder=encoder,
            text_audio_dropout=text_audio_dropout,
            text_vision_dropout=text_vision_dropout,
        )
        sizes = {
            "fusion": (6 * d_model, fusion_width, fusion_dropout),
            "text": (d_model, text_width, text_dropout),
            "audio": (d_model, audio_width, audio_dropout),
            "vision": (d_model, vision_width, vision_dropout),
        }
        self.heads = heads_of(sizes, output_dim)
        self.epoch = 1

    def start_training(self, labels: Tensor) -> None:
        """Labels of all modalities are the given ones (n, 1) at first."""
        limit = labels.abs().max().item() if self.label_limit is None else self.label_limit
        self.labels = Labels(labels, system="tetfn", limit=limit)

    def start_epoch(self, number: int) -> None:
        self.epoch = number

    def forward(self, batch: dict[str, Any]) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        outputs, features = self.views(batch)
        if not self.training:
            return outputs["fusion"]  # (b, output_dim)
        terms = self.labels.terms(outputs, batch)
        self.labels.update(batch["segments"], features, self.epoch)
        return outputs["fusion"], terms

    def views(self, batch: dict[str, Any]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Predictions (b, output_dim) and representations (b, d) of all modalities and of each."""
        text = encode_pieces(self.bert, batch, self.padding)
        audio, vision = (
            shorten(sequence(batch, name, self.padding), text.lengths)
            for name in ("audio", "vision")
        )
        steps = {
            "text": convolve(self.proj_l, text),
            "audio": self.audio_model(audio),
            "vision": self.vision_model(vision),
        }
        padded = {name: x.padded() for name, x in steps.items()}
        vectors = {name: max_pool(x, mask, 1)[..., 0] for name, (x, mask) in padded.items()}
        vectors["fusion"] = self.trans({LETTERS[name]: x for name, x in steps.items()})
        return read_heads(self.heads, vectors)

    def parameter_groups(
        self,
        lr: float,
        weight_decay: float,
        bert_lr: float = 3e-5,
        bert_decay: float = 0.001,
        audio_lr: float = 5e-4,
        audio_decay: float = 0.01,
        vision_lr: float = 3e-4,
        vision_decay: float = 0.0,
    ) -> list[dict[str, Any]]:
        """The encoder, whose biases and LayerNorms do not decay, audio, vision, the others."""
        return rate_groups(
            self,
            bert=(bert_lr, bert_decay),
            audio=(audio_lr, audio_decay),
            vision=(vision_lr, vision_decay),
            others=(lr, weight_decay),
        )
