"""MIB: Mai, Zeng, Hu, "Multimodal Information Bottleneck: Learning Minimal Sufficient Unimodal and
Multimodal Representations", IEEE Transactions on Multimedia, 2022.

A vector becomes a normal distribution that is to tell the label and little else. Early (E-MIB) has
one such bottleneck behind the fusion, late (L-MIB) one for each modality before it, complete
(C-MIB) both.
"""

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.models.bert import drop_pooler, encode_pieces
from msa.models.checkpoint import rename
from msa.models.fusion import FUSIONS
from msa.models.packing import Packing
from msa.models.padding import convolve, require_choice, sequence
from msa.models.transformer import Encoder, encode_last

WIDTHS = {
    "audio_dim": ("proj_a.weight", 1),
    "vision_dim": ("proj_v.weight", 1),
    "output_dim": ("decoders.fused.weight", 0),
}
MODALITIES = {"text": "_l", "audio": "_a", "vision": "_v"}
BOTTLENECKS = {
    "early": ("fused",),
    "late": (*MODALITIES,),
    "complete": (*MODALITIES, "fused"),
}


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of a released one."""
    names = {"bert.proj_l.": "proj_t."}
    for name, suffix in {**MODALITIES, "fused": ""}.items():
        names[f"fusion.decoder{suffix}."] = f"decoders.{name}."
        for part in ("encoder", "fc_mu", "fc_std"):
            names[f"fusion.{part}{suffix}."] = f"bottlenecks.{name}.{part}."
    return rename(state, {**names, "fusion.fusion1.": "fusion."})


class Bottleneck(nn.Module):
    """A sample, or the mean, of the distribution that a vector becomes."""

    def __init__(self, *, d_model: int, hidden: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(d_model, hidden), nn.ReLU())
        self.fc_mu = nn.Linear(hidden, d_model)
        self.fc_std = nn.Linear(hidden, d_model)

    def forward(self, x: Tensor, sample: bool) -> tuple[Tensor, Tensor]:
        """(b, d), and its divergence from a standard normal, the mean over rows and channels."""
        x = self.encoder(x)
        mean, deviation = self.fc_mu(x), F.softplus(self.fc_std(x) - 5)
        divergence = 0.5 * (mean**2 + deviation**2 - 2 * deviation.log() - 1).mean()
        return mean + deviation * torch.randn_like(mean) if sample else mean, divergence


class MIB(nn.Module):
    """Multimodal information bottlenecks: the prediction, and in training the terms of each.

    ``bottleneck`` is where they are, ``fusion`` how three vectors become one, ``beta`` the weight
    of what a bottleneck lets through. Each predicts by itself too, and the fusion's error counts
    twice. ``text_dim`` is not used; a ``bert`` loses its pooler, which has no part.

    ``eval_noise=True`` is a trap as released: noise is drawn in evaluation too, so that a
    prediction is random. So is ``padding="released"``: the vector of a modality is that of the
    last step of the longest row, which in most rows is padding.
    """

    def __init__(
        self,
        *,
        bert: nn.Module,
        audio_dim: int,
        vision_dim: int,
        output_dim: int,
        text_dim: int | None = None,
        bottleneck: str = "complete",
        fusion: str = "concat",
        d_model: int = 50,
        bottleneck_hidden: int = 1024,
        heads: int = 5,
        layers: int = 3,
        beta: float = 1e-3,
        eval_noise: bool = False,
        attention_dropout: float = 0.5,
        relu_dropout: float = 0.3,
        residual_dropout: float = 0.3,
        embed_dropout: float = 0.2,
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = require_choice("padding", padding, ("masked", "released"))
        require_choice("bottleneck", bottleneck, (*BOTTLENECKS,))
        require_choice("fusion", fusion, (*FUSIONS,))
        self.beta, self.eval_noise = beta, eval_noise
        drop_pooler(bert)
        config: Any = bert.config
        self.bert = bert
        project = partial(nn.Conv1d, kernel_size=3, padding=1, bias=False)
        self.proj_t = project(config.hidden_size, d_model)
        self.proj_a, self.proj_v = project(audio_dim, d_model), project(vision_dim, d_model)
        self.transa, self.transv = (
            Encoder(
                d_model=d_model,
                heads=heads,
                layers=layers,
                attention_dropout=attention_dropout,
                relu_dropout=relu_dropout,
                residual_dropout=residual_dropout,
                embed_dropout=embed_dropout,
                padding=padding,
            )
            for _ in range(2)
        )
        used = BOTTLENECKS[bottleneck]
        self.bottlenecks = nn.ModuleDict(
            {name: Bottleneck(d_model=d_model, hidden=bottleneck_hidden) for name in used}
        )
        self.decoders = nn.ModuleDict(
            {name: nn.Linear(d_model, output_dim) for name in dict.fromkeys((*used, "fused"))}
        )
        # the authors' files for the three differ in the activations of this fusion
        bounded = {"bounded": bottleneck == "complete"} if fusion == "tensor" else {}
        self.fusion = FUSIONS[fusion](d_model, **bounded)

    def forward(self, batch: dict[str, Any]) -> Any:
        x = {
            "text": self._text(batch),
            "audio": self._last(batch, "audio", self.proj_a, self.transa),
            "vision": self._last(batch, "vision", self.proj_v, self.transv),
        }  # (b, d) each
        sample, divergences = self.training or self.eval_noise, {}
        for name in (*MODALITIES, "fused"):
            if name == "fused":
                x[name] = self.fusion(*x.values())
            if name in self.bottlenecks:
                x[name], divergences[name] = self.bottlenecks[name](x[name], sample)
        predictions = {name: decoder(x[name]) for name, decoder in self.decoders.items()}
        prediction = predictions["fused"]  # (b, output_dim)
        if not self.training:
            return prediction
        label = batch["label"]
        terms = {f"l1_{name}": (own - label).abs().mean() for name, own in predictions.items()}
        return prediction, terms | {f"kl_{n}": self.beta * kl for n, kl in divergences.items()}

    def parameter_groups(
        self, lr: float, weight_decay: float = 0.0, bert_lr: float = 1e-5
    ) -> list[dict]:
        """The encoder with its convolution, and all others."""
        own = ("bert.", "proj_t.")
        encoder = [p for name, p in self.named_parameters() if name.startswith(own)]
        others = [p for name, p in self.named_parameters() if not name.startswith(own)]
        return [
            {"params": others, "lr": lr, "weight_decay": weight_decay},
            {"params": encoder, "lr": bert_lr, "weight_decay": weight_decay},
        ]

    def _text(self, batch: dict[str, Any]) -> Tensor:
        """The last step (b, d) of the convolved states."""
        return convolve(self.proj_t, encode_pieces(self.bert, batch, self.padding)).last

    def _last(self, batch: dict[str, Any], name: str, conv: nn.Conv1d, encoder: Encoder) -> Tensor:
        """The last step (b, d) of a modality's encoder."""
        steps = convolve(conv, sequence(batch, name, self.padding))
        packing = Packing(steps.lengths, steps.rows.device)
        return encode_last(encoder, packing, packing.pack(steps.rows))
