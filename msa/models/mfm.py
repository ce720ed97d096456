"""MFM: Tsai, Liang, Zadeh, Morency, Salakhutdinov, "Learning Factorized Multimodal
Representations", ICLR 2019.

Each modality has a code of its own, and all three have one together. The latter alone predicts;
with a modality's own it makes that modality's sequence again. All codes are held to be normal.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.models.autoencoder import Codes, Factors
from msa.models.checkpoint import rename
from msa.models.distances import divergence, mean_discrepancy
from msa.models.mfn import MFN
from msa.models.padding import aligned_steps, require_choice
from msa.models.recurrence import Times

WIDTHS = {
    "text_dim": ("codes.encoders.l.lstm.weight_ih", 1),
    "audio_dim": ("codes.encoders.a.lstm.weight_ih", 1),
    "vision_dim": ("codes.encoders.v.lstm.weight_ih", 1),
    "output_dim": ("factors.head.fc2.weight", 0),
    "shared_code": ("codes.means.y.weight", 0),
    "text_code": ("codes.encoders.l.fc1.weight", 0),
    "audio_code": ("codes.encoders.a.fc1.weight", 0),
    "vision_code": ("codes.encoders.v.fc1.weight", 0),
    "shared_factor": ("factors.layers.y.fc1.weight", 0),
    "text_factor": ("factors.layers.l.fc1.weight", 0),
    "audio_factor": ("factors.layers.a.fc1.weight", 0),
    "vision_factor": ("factors.layers.v.fc1.weight", 0),
}
NAMES = {
    "decoder_": "factors.decoders.",
    "fy_to_y_": "factors.head.",
    "mfn_encoder.": "codes.fusion.",
    "ef_encoder.": "codes.fusion.",
    "encoder_": "codes.encoders.",
}
NAMES |= {f"z{m}_to_f{m}_": f"factors.layers.{m}." for m in "lavy"}
NAMES |= {f"last_to_z{m}_fc1.": f"codes.means.{m}." for m in "lavy"}
NAMES |= {f"last_to_logvarz{m}_fc1.": f"codes.log_variances.{m}." for m in "lavy"}


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of a released one."""
    return rename(state, NAMES, ("mfn_encoder.out_fc",))


class MFM(nn.Module):
    """Factorized representations of modalities that are aligned to words.

    In training the prediction comes with the terms of the sequences made again and of the prior.
    ``variant`` is the paper's, ``"mmd"``; ``"kl"``, with variances that nothing is drawn by;
    ``"kl_ef"``, which has one LSTM over all modalities in place of MFN; or ``"missing"``, which
    also estimates what a modality would give by the other two, and learns the task by that, with
    L1 or the cross-entropy. There the sequence of vision is made from where vision is missing;
    with ``missing_vision_source="audio"``, as released, from where audio is.

    In the first ``generative_epochs``, if any, nothing is learnt by the labels, and after them
    nothing by the sequences.
    """

    def __init__(
        self,
        *,
        text_dim: int,
        audio_dim: int,
        vision_dim: int,
        output_dim: int,
        text_hidden: int = 88,
        audio_hidden: int = 64,
        vision_hidden: int = 48,
        memory: int = 64,
        attention_hidden: int = 128,
        proposal_hidden: int = 128,
        retain_hidden: int = 128,
        update_hidden: int = 128,
        attention_dropout: float = 0.5,
        proposal_dropout: float = 0.5,
        retain_dropout: float = 0.5,
        update_dropout: float = 0.5,
        shared_code: int = 32,
        text_code: int = 32,
        audio_code: int = 8,
        vision_code: int = 80,
        shared_factor: int = 16,
        text_factor: int = 88,
        audio_factor: int = 8,
        vision_factor: int = 8,
        shared_dropout: float = 0.0,
        text_dropout: float = 0.2,
        audio_dropout: float = 0.2,
        vision_dropout: float = 0.7,
        output_dropout: float = 0.0,
        prior_weight: float = 1.0,
        text_weight: float = 1.0,
        audio_weight: float = 0.01,
        vision_weight: float = 0.5,
        variant: str = "mmd",
        generative_epochs: int = 0,
        missing_vision_source: str = "vision",
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.variant = require_choice("variant", variant, ("mmd", "kl", "kl_ef", "missing"))
        self.padding = require_choice("padding", padding, ("masked", "released"))
        source = require_choice("missing_vision_source", missing_vision_source, ("vision", "audio"))
        self.source = {"l": "l", "a": "a", "v": source[0]}
        self.generative_epochs, self.epoch = generative_epochs, 1
        self.prior_weight = prior_weight
        self.weights = {"l": text_weight, "a": audio_weight, "v": vision_weight}
        dims = {"l": text_dim, "a": audio_dim, "v": vision_dim}
        codes = {"l": text_code, "a": audio_code, "v": vision_code, "y": shared_code}
        factors = {"l": text_factor, "a": audio_factor, "v": vision_factor, "y": shared_factor}
        dropouts = {"l": text_dropout, "a": audio_dropout, "v": vision_dropout, "y": shared_dropout}
        fusion = None
        if variant != "kl_ef":
            fusion = MFN(
                text_dim=text_dim,
                audio_dim=audio_dim,
                vision_dim=vision_dim,
                output_dim=output_dim,
                text_hidden=text_hidden,
                audio_hidden=audio_hidden,
                vision_hidden=vision_hidden,
                memory=memory,
                attention_hidden=attention_hidden,
                proposal_hidden=proposal_hidden,
                retain_hidden=retain_hidden,
                update_hidden=update_hidden,
                attention_dropout=attention_dropout,
                proposal_dropout=proposal_dropout,
                retain_dropout=retain_dropout,
                update_dropout=update_dropout,
            )
        self.codes = Codes(
            dims=dims,
            widths=codes,
            fusion=fusion,
            spread=variant.startswith("kl"),
            estimated=variant == "missing",
        )
        self.factors = Factors(
            dims=dims,
            codes=codes,
            widths=factors,
            dropouts=dropouts,
            output_dim=output_dim,
            output_dropout=output_dropout,
        )

    def start_epoch(self, number: int) -> None:
        """It says what is learnt by."""
        self.epoch = number

    def forward(self, batch: dict[str, Any]) -> Any:
        x = dict(zip("lav", aligned_steps(batch, self.padding), strict=True))
        times = Times(x["l"].lengths, x["l"].rows.device)
        codes, log_variances = self.codes(x, times)
        factors = self.factors(codes)
        prediction = self.factors.predict(factors)  # (b, output_dim)
        if not self.training:
            return prediction
        generates = self.epoch <= self.generative_epochs
        terms = {"prior": self.prior_weight * prior(codes, log_variances)}
        made_from = {m: [factors] for m in x}
        if self.variant == "missing":
            estimates = self.codes.estimates(x, times)
            apart = [F.mse_loss(e[m], codes[m]) for e in estimates.values() for m in e]
            terms["missing"] = torch.stack(apart).sum()
            without = {m: self.factors(codes | estimate) for m, estimate in estimates.items()}
            losses = [self.factors.task_loss(f, batch["label"]) for f in without.values()]
            terms["absent"] = torch.stack(losses).sum() * (not generates)
            made_from = {m: [factors, without[self.source[m]]] for m in x}
        made = [
            self.weights[m]
            * F.mse_loss(self.factors.sequence(m, f, steps.lengths, times), steps.rows)
            for m, steps in x.items()
            for f in made_from[m]
            if generates or not self.generative_epochs
        ]
        terms["reconstruction"] = sum(made, prediction.new_zeros(()))
        return prediction.detach() if generates else prediction, terms


def prior(codes: dict[str, Tensor], log_variances: dict[str, Tensor]) -> Tensor:
    """How far the codes (b, d) are from standard normal ones; without variances, by a sample."""
    if log_variances:
        found = [divergence(codes[m], of) for m, of in log_variances.items()]
    else:
        found = [mean_discrepancy(torch.randn_like(code), code) for code in codes.values()]
    return torch.stack(found).sum()
