"""ITHP: Xiao et al., "Neuro-Inspired Information-Theoretic Hierarchical Perception for Multimodal
Learning", ICLR 2024.

Text, the prime modality, is narrowed to what tells the audio, and this to what tells the vision:
two information bottlenecks, one behind the other. What is left is added to the text's own state.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.models.bert import hidden_states, take_pooler
from msa.models.checkpoint import rename
from msa.models.dropout import Dropout
from msa.models.groups import matrices_decay
from msa.models.padding import Steps, compact, require_choice, valid_steps

WIDTHS = {
    "audio_dim": ("MLP1.3.bias", 0),
    "vision_dim": ("MLP2.3.bias", 0),
    "output_dim": ("classifier.weight", 0),
}


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of a released one."""
    names = {
        "dberta.model.": "bert.",
        "dberta.ITHP.": "",
        "dberta.expand.0.": "expand.",
        "dberta.LayerNorm.": "norm.",
        "dberta.pooler.": "pooler.",
    }
    return rename(state, names)


class ITHP(nn.Module):
    """Hierarchical perception: the prediction, and in training the terms of the two bottlenecks.

    The network reads text alone. Audio and vision, those of each piece's word, are only what the
    bottlenecks are to tell in training: a trained model predicts the same whatever they are.
    ``text_dim`` is not used.

    Four keywords are traps as released. ``sample="always"`` draws noise in evaluation too, so that
    a prediction is random. ``scale="batch"`` scales audio and vision by the least and greatest
    number of the batch, ours by those of the training fold. ``head_dropout=True`` drops elements of
    what the bottlenecks tell. ``padding="released"`` hides no padding from the encoder.
    """

    def __init__(
        self,
        *,
        bert: nn.Module,
        audio_dim: int,
        vision_dim: int,
        output_dim: int,
        text_dim: int | None = None,
        hidden: int = 256,
        first_dim: int = 128,
        second_dim: int = 64,
        beta: float = 8.0,
        gamma: float = 32.0,
        second_weight: float = 0.3,
        beta_shift: float = 1.0,
        dropout: float = 0.3,
        shift_dropout: float = 0.5,
        output_dropout: float = 0.1,
        sample: str = "train",
        scale: str = "train",
        head_dropout: bool = False,
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = require_choice("padding", padding, ("masked", "released"))
        self.sample = require_choice("sample", sample, ("train", "always"))
        self.scale = require_choice("scale", scale, ("train", "batch"))
        self.beta_shift = beta_shift
        weights = {
            "kl_0": 1.0,
            "mse_0": beta,
            "kl_1": second_weight,
            "mse_1": second_weight * gamma,
        }
        self.weights = {name: 2 / (beta + gamma) * weight for name, weight in weights.items()}
        config: Any = bert.config
        width: int = config.hidden_size
        self.pooler = take_pooler(bert)
        self.bert = bert

        def network(input_dim: int, output_dim: int) -> nn.Sequential:
            return nn.Sequential(
                nn.Linear(input_dim, hidden),
                nn.ReLU(),
                Dropout(dropout),
                nn.Linear(hidden, output_dim),
            )

        self.encoder1 = network(width, 2 * first_dim)
        self.MLP1 = network(first_dim, audio_dim)
        self.encoder2 = network(first_dim, 2 * second_dim)
        self.MLP2 = network(second_dim, vision_dim)
        self.head_dropout = Dropout(dropout if head_dropout else 0.0)
        self.expand = nn.Linear(second_dim, width)
        self.norm = nn.LayerNorm(width)
        self.shift_dropout = Dropout(shift_dropout)
        self.output_dropout = Dropout(output_dropout)
        self.classifier = nn.Linear(width, output_dim)
        for name in ("audio", "vision"):
            self.register_buffer(f"{name}_range", torch.tensor([0.0, 1.0]), persistent=False)

    def start_features(self, features: dict[str, Tensor]) -> None:
        """What the scales are made of, the rows (n, d) of the training fold's modalities."""
        for name in ("audio", "vision"):
            if features[name].numel():
                self.register_buffer(f"{name}_range", extremes(features[name]), persistent=False)

    def forward(self, batch: dict[str, Any]) -> Any:
        ids, types, mask = (
            batch[name] for name in ("input_ids", "token_type_ids", "attention_mask")
        )  # (b, t)
        # an absent modality is one step of zeros
        audio, vision = (batch[name].expand(*ids.shape, -1) for name in ("audio", "vision"))
        mask = mask.bool() if self.padding == "masked" else torch.ones_like(mask).bool()
        mask, ids, types, audio, vision = compact(mask, ids, types, audio, vision)
        x = hidden_states(self.bert, ids, types, mask, self.padding)[-1]  # (b, t, D)
        text, audio, vision = valid_steps(mask, x, audio, vision)
        first, kl_0 = self._narrow(self.encoder1(text.rows))  # (n, first_dim)
        second, kl_1 = self._narrow(self.encoder2(first))  # (n, second_dim)
        shift = self.expand(Steps(second, text.lengths).first)
        x = self.shift_dropout(self.norm(text.first + self.beta_shift * shift))  # (b, D)
        prediction = self.classifier(self.output_dropout(self.pooler(x[:, None])))
        if not self.training:
            return prediction  # (b, output_dim)
        mse_0 = self._error("audio", self.MLP1(first), audio.rows)
        mse_1 = self._error("vision", self.MLP2(second), vision.rows)
        terms = {"kl_0": kl_0, "mse_0": mse_0, "kl_1": kl_1, "mse_1": mse_1}
        return prediction, {name: self.weights[name] * term for name, term in terms.items()}

    def parameter_groups(self, lr: float, weight_decay: float = 0.01) -> list[dict]:
        """Groups for AdamW: no decay for biases and for what scales a LayerNorm."""
        return matrices_decay(self, lr, weight_decay)

    def _narrow(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """A sample, or the mean, of what (n, 2d) is the mean and the log-variance of (n, d).

        And its divergence from a standard normal, the mean over steps and width.
        """
        mean, log_variance = x.chunk(2, dim=-1)
        divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).mean()
        if self.training or self.sample == "always":
            mean = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        return mean, divergence

    def _error(self, name: str, told: Tensor, truth: Tensor) -> Tensor:
        """How far what a bottleneck tells is from a modality's scaled rows, both (n, d)."""
        return F.mse_loss(self.head_dropout(torch.sigmoid(told)), self._scaled(name, truth))

    def _scaled(self, name: str, rows: Tensor) -> Tensor:
        """The rows (n, d) of a modality from 0 to 1; zeros where all are the same."""
        bounds = extremes(rows) if self.scale == "batch" else self.get_buffer(f"{name}_range")
        low, high = bounds
        return (rows - low) / torch.where(high > low, high - low, 1)


def extremes(rows: Tensor) -> Tensor:
    """The least and the greatest number of (n, d), in one tensor (2,)."""
    return torch.stack([rows.min(), rows.max()])
