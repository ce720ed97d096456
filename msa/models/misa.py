"""MISA: Hazarika, Zimmermann, Poria, "MISA: Modality-Invariant and -Specific Representations for
Multimodal Sentiment Analysis", MM 2020.

Each modality becomes one vector, and this a private and a shared one, which further losses keep
apart, alike, and complete; a transformer mixes the six.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.base.errors import InputError
from msa.models.bert import cut_pieces, drop_pooler, freeze, front_pieces, hidden_states
from msa.models.checkpoint import rename
from msa.models.distances import central_moment_discrepancy, difference
from msa.models.dropout import Dropout
from msa.models.padding import masked_mean, require_choice, sequence
from msa.models.recurrent_pair import RELEASED_NAMES, RecurrentPair, as_long

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh}
FROZEN_LAYERS = {"none": 0, "layers 0-8": 9, "all": None}
WIDTHS = {
    "text_dim": ("text_rnn.first.weight_ih_l0", 1),
    "audio_dim": ("audio_rnn.first.weight_ih_l0", 1),
    "vision_dim": ("vision_rnn.first.weight_ih_l0", 1),
    "output_dim": ("fusion.3.weight", 0),
}


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of a released one."""
    names = {
        **RELEASED_NAMES,
        "bertmodel.": "bert.",
        "shared.shared_1.": "shared.0.",
        "discriminator.discriminator_layer_1.": "discriminator.0.",
        "discriminator.discriminator_layer_2.": "discriminator.3.",
        "fusion.fusion_layer_1.": "fusion.0.",
        "fusion.fusion_layer_3.": "fusion.3.",
    }
    for m in "tav":
        names |= {
            f"project_{m}.project_{m}.": f"project_{m}.0.",
            f"project_{m}.project_{m}_layer_norm.": f"project_{m}.2.",
            f"private_{m}.private_{m}_{3 if m == 'a' else 1}.": f"private_{m}.0.",
            f"recon_{m}.recon_{m}_1.": f"recon_{m}.",
        }
    return rename(state, names, (".pooler.", "sp_discriminator."))


class MISA(nn.Module):
    """Modality-invariant and -specific representations: the prediction and three more losses.

    ``text_dim`` is for networks without ``bert``; a ``bert`` loses its pooler, which has no part.

    Two keywords are traps as released. ``text_length="words"`` cuts the word pieces of a batch to
    as many as its longest row has words, with [CLS] and [SEP]. ``padding="released"`` is MMSA's
    port: audio and vision have as many steps as the text has pieces, so that of unaligned data
    only the beginning is read. With vectors as text it is the authors' one length for all.
    """

    def __init__(
        self,
        *,
        audio_dim: int,
        vision_dim: int,
        output_dim: int,
        text_dim: int | None = None,
        bert: nn.Module | None = None,
        d_model: int = 128,
        activation: str = "relu",
        similarity: str = "cmd",
        reversal: float = 1.0,
        diff_weight: float = 0.3,
        sim_weight: float = 1.0,
        recon_weight: float = 1.0,
        dropout: float = 0.5,
        attention_dropout: float = 0.1,
        frozen: str = "none",
        text_length: str = "all",
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = require_choice("padding", padding, ("masked", "released"))
        self.text_length = require_choice("text_length", text_length, ("all", "words"))
        self.similarity = require_choice("similarity", similarity, ("cmd", "domain"))
        require_choice("activation", activation, (*ACTIVATIONS,))
        require_choice("frozen", frozen, (*FROZEN_LAYERS,))
        self.weights = {"diff": diff_weight, "sim": sim_weight, "recon": recon_weight}
        self.reversal = reversal
        d, act = d_model, ACTIVATIONS[activation]

        def project(width: int) -> nn.Sequential:
            return nn.Sequential(nn.Linear(width, d), act(), nn.LayerNorm(d))

        def representation() -> nn.Sequential:
            return nn.Sequential(nn.Linear(d, d), nn.Sigmoid())

        if bert is not None:
            config: Any = bert.config
            text_width: int = config.hidden_size
            drop_pooler(bert)
            freeze(bert, FROZEN_LAYERS[frozen])
        elif text_dim is not None:
            text_width = 4 * text_dim
            self.text_rnn = RecurrentPair(input_dim=text_dim, hidden=text_dim)
        else:
            raise InputError("misa: expected bert or text_dim, got neither")
        self.bert = bert
        self.vision_rnn = RecurrentPair(input_dim=vision_dim, hidden=vision_dim)
        self.audio_rnn = RecurrentPair(input_dim=audio_dim, hidden=audio_dim)
        self.project_t, self.project_v, self.project_a = (
            project(width) for width in (text_width, 4 * vision_dim, 4 * audio_dim)
        )
        self.private_t, self.private_v, self.private_a = (representation() for _ in range(3))
        self.shared = representation()
        self.recon_t, self.recon_v, self.recon_a = (nn.Linear(d, d) for _ in range(3))
        if similarity == "domain":
            self.discriminator = nn.Sequential(
                nn.Linear(d, d), act(), Dropout(dropout), nn.Linear(d, 3)
            )
        self.transformer_encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(d, 2, dropout=attention_dropout, batch_first=True),
            num_layers=1,
            enable_nested_tensor=False,
        )
        self.fusion = nn.Sequential(
            nn.Linear(6 * d, 3 * d), Dropout(dropout), act(), nn.Linear(3 * d, output_dim)
        )
        for name, parameter in self.named_parameters():
            if "weight_hh" in name:
                nn.init.orthogonal_(parameter)

    def forward(self, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        text, vision, audio = self._encode(batch)
        x = [self.project_t(text), self.project_v(vision), self.project_a(audio)]  # (b, d) each
        privates = (self.private_t, self.private_v, self.private_a)
        private = [f(x) for f, x in zip(privates, x, strict=True)]
        shared = [self.shared(x) for x in x]
        tokens = self.transformer_encoder(torch.stack([*private, *shared], dim=1))  # (b, 6, d)
        prediction = self.fusion(tokens.flatten(1))  # (b, output_dim)
        terms = {
            "diff": self._difference(private, shared),
            "sim": self._similarity(shared),
            "recon": self._reconstruction(x, private, shared),
        }
        return prediction, {name: self.weights[name] * term for name, term in terms.items()}

    def _encode(self, batch: dict[str, Any]) -> list[Tensor]:
        """One vector of text, vision and audio: the order of the six tokens too."""
        if self.bert is None:
            steps = sequence(batch, "text")
            text, lengths = torch.cat(self.text_rnn(steps), dim=1), steps.lengths  # (b, 4 * text)
        else:
            mask, ids, types = front_pieces(batch)
            lengths = mask.sum(1).cpu().numpy()
        vision = as_long(batch, "vision", lengths, self.padding)
        audio = as_long(batch, "audio", lengths, self.padding)
        if self.bert is not None:
            if self.text_length == "words":
                words = max(vision.lengths.max(), audio.lengths.max())
                mask, ids, types = cut_pieces(mask, ids, types, pieces=words + 2)
            states = hidden_states(self.bert, ids, types, mask, "masked")[-1]
            text = masked_mean(states, mask)  # (b, D)
        others = ((self.vision_rnn, vision), (self.audio_rnn, audio))
        return [text, *(torch.cat(rnn(steps), dim=1) for rnn, steps in others)]

    def _difference(self, private: Sequence[Tensor], shared: Sequence[Tensor]) -> Tensor:
        """A modality's private vectors against its shared ones, and against the others'."""
        pairs = [*zip(private, shared, strict=True), *combinations(private, 2)]
        return sum((difference(x, y) for x, y in pairs), private[0].new_zeros(()))

    def _similarity(self, shared: Sequence[Tensor]) -> Tensor:
        """How unlike the shared vectors are, or how well they are told apart."""
        if self.similarity == "cmd":
            pairs = combinations(shared, 2)
            return torch.stack([central_moment_discrepancy(x, y) for x, y in pairs]).mean()
        x = torch.cat([*shared])  # (3b, d)
        # the value is x, its gradient is reversed
        x = (1 + self.reversal) * x.detach() - self.reversal * x
        modality = torch.arange(3, device=x.device).repeat_interleave(len(shared[0]))
        return F.cross_entropy(self.discriminator(x), modality)

    def _reconstruction(
        self, x: Sequence[Tensor], private: Sequence[Tensor], shared: Sequence[Tensor]
    ) -> Tensor:
        """How far private and shared vectors together are from what they come from."""
        layers = (self.recon_t, self.recon_v, self.recon_a)
        errors = [
            F.mse_loss(layer(p + s), own)
            for layer, own, p, s in zip(layers, x, private, shared, strict=True)
        ]
        return torch.stack(errors).mean()
