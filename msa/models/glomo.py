"""GLoMo: Zhuang et al., "GLoMo: Global-Local Modal Fusion for Multimodal Sentiment Analysis",
MM 2024.

Each modality gives a global (coarse) vector and a few local (fine) ones, which a mixture of
experts makes one; a transformer mixes these six tokens, gates sum them up. With ``bert`` this is
the network for MOSI, MOSEI, MUStARD and UR-FUNNY, without it the one for CHERMA.
"""

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.base.errors import InputError
from msa.models.bert import drop_pooler, hidden_states
from msa.models.checkpoint import rename
from msa.models.padding import Steps, compact, convolve, max_pool, require_choice, sequence
from msa.models.transformer import Encoder, encode

WIDTHS = {
    "text_dim": ("text_network.projs.weight", 1),
    "audio_dim": ("audio_network.projs.weight", 1),
    "vision_dim": ("video_network.projs.weight", 1),
    "output_dim": ("classifier.weight", 0),
}


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of a released one."""
    names = {
        "bert.linear1.": "text_coarse.",
        "bert.proj_l.": "text_fine.",
        "attention_mlp.attention_mlp.": "attention_mlp.",
    }
    return rename(state, names, ("bert.pooler.",))


class Expert(nn.Module):
    def __init__(self, *, input_dim: int, hidden: int, output_dim: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(input_dim, hidden)
        self.fc2 = nn.Linear(hidden, output_dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.relu(self.fc1(x)))


def _spread(x: Tensor) -> Tensor:
    """The squared coefficient of variation, 0 for one expert."""
    if len(x) == 1:
        return x.new_zeros(())
    return x.var() / (x.mean() ** 2 + 1e-10)


class MixtureOfExperts(nn.Module):
    """Noisy top-k gating; gives the mixture and a loss that keeps all experts in use."""

    def __init__(
        self, *, input_dim: int, hidden: int, output_dim: int, experts: int, top_k: int
    ) -> None:
        super().__init__()
        self.top_k = min(top_k, experts)
        self.w_gate = nn.Parameter(torch.zeros(input_dim, experts))
        self.w_noise = nn.Parameter(torch.zeros(input_dim, experts))
        self.experts = nn.ModuleList(
            Expert(input_dim=input_dim, hidden=hidden, output_dim=output_dim)
            for _ in range(experts)
        )

    def forward(self, x: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """``noise`` (b, experts) takes the place of standard normal draws in training."""
        gates, load = self.gates(x, noise)  # (b, experts), (experts,)
        outputs = torch.stack([expert(x) for expert in self.experts], dim=1)  # (b, experts, d)
        chosen = (gates > 0)[..., None]
        # log(sum of gate * exp(output)), with the largest output taken out against overflow
        top = outputs.detach().masked_fill(~chosen, -torch.inf).amax(1, keepdim=True)
        scaled = torch.where(chosen, outputs - top, 0.0).exp()
        mixed = (gates[..., None] * scaled).sum(1).log() + top[:, 0]  # (b, d)
        floor = torch.tensor(torch.finfo(torch.float64).eps, dtype=x.dtype, device=x.device)
        mixed = torch.where(mixed.exp() == 0, floor.log(), mixed)
        return mixed, 0.01 * (_spread(gates.sum(0)) + _spread(load))

    def gates(self, x: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Weights of the experts, rows sum to 1 (b, experts), and how many rows each has."""
        k, experts = self.top_k, len(self.experts)
        clean = x @ self.w_gate  # (b, experts)
        logits, deviation = clean, torch.ones_like(clean)
        if self.training:
            deviation = F.softplus(x @ self.w_noise) + 0.01
            logits = clean + deviation * (torch.randn_like(clean) if noise is None else noise)
        top, index = logits.topk(min(k + 1, experts), dim=1)
        shares = top[:, :k].softmax(1)
        gates = shares.new_zeros(logits.shape).scatter(1, index[:, :k], shares)
        if not self.training or k == experts:
            return gates, (gates > 0).sum(0).to(x.dtype)
        # the chance to stay in the top k, or to get there, if the noise were drawn again
        last_in, first_out = top[:, k - 1 : k], top[:, k : k + 1]  # (b, 1)
        threshold = torch.where(logits > first_out, first_out, last_in)
        distance = (clean - threshold) / deviation
        # the normal distribution has mean .1 here: as released
        return gates, torch.special.ndtr(distance - 0.1).sum(0)


class SequenceNetwork(nn.Module):
    """Convolution and encoder over time, pooled to one coarse and ``grain`` fine vectors."""

    def __init__(self, *, input_dim: int, d_model: int, grain: int, encoder: Encoder) -> None:
        super().__init__()
        self.grain = grain
        self.projs = nn.Conv1d(input_dim, d_model, 3, padding=1, bias=False)
        self.encoder = encoder

    def forward(self, steps: Steps) -> tuple[Tensor, Tensor]:
        x, mask = encode(self.encoder, convolve(self.projs, steps)).padded()  # (b, t, d)
        return max_pool(x, mask, 1)[..., 0], max_pool(x, mask, self.grain)


class Gate(nn.Module):
    """The weighted sum of three vectors, and the weights (b, 3)."""

    def __init__(self, *, d_model: int, dropout: float) -> None:
        super().__init__()
        self.attention_mlp = nn.Linear(3 * d_model, d_model)
        self.dropout = nn.Dropout(dropout)
        self.fc_att = nn.Linear(d_model, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        _, _, d = x.shape
        hidden = F.relu(self.dropout(self.attention_mlp(x.flatten(1))))
        weights = (d**-0.5 * self.fc_att(hidden)).softmax(1)  # (b, 3)
        return (weights[..., None] * x).sum(1), weights


class GLoMo(nn.Module):
    """Global-local modal fusion: the prediction and the experts' loss.

    ``text_dim`` is for networks without ``bert``; a ``bert`` loses its pooler, which has no part.
    """

    def __init__(
        self,
        *,
        audio_dim: int,
        vision_dim: int,
        output_dim: int,
        text_dim: int | None = None,
        bert: nn.Module | None = None,
        d_model: int = 48,
        heads: int = 16,
        layers: int = 4,
        text_grain: int = 3,
        audio_grain: int = 3,
        vision_grain: int = 3,
        text_experts: int = 3,
        audio_experts: int = 3,
        vision_experts: int = 3,
        top_k: int = 2,
        attention_dropout: float = 0.5,
        relu_dropout: float = 0.3,
        residual_dropout: float = 0.3,
        embed_dropout: float = 0.2,
        gate_dropout: float = 0.3,
        fusion_dropout: float = 0.1,
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = require_choice("padding", padding, ("masked", "released"))

        encoder = partial(
            Encoder,
            d_model=d_model,
            heads=heads,
            layers=layers,
            attention_dropout=attention_dropout,
            relu_dropout=relu_dropout,
            residual_dropout=residual_dropout,
            embed_dropout=embed_dropout,
            padding=padding,
        )

        def network(width: int, grain: int) -> SequenceNetwork:
            return SequenceNetwork(input_dim=width, d_model=d_model, grain=grain, encoder=encoder())

        def mixture(grain: int, experts: int) -> MixtureOfExperts:
            d = d_model
            return MixtureOfExperts(
                input_dim=grain * d, hidden=d, output_dim=d, experts=experts, top_k=top_k
            )

        self.text_grain = text_grain
        self.bert = bert
        if bert is not None:
            drop_pooler(bert)
            config: Any = bert.config
            width: int = config.hidden_size
            self.text_coarse = nn.Linear(width, d_model)
            self.text_fine = nn.Conv1d(width, d_model, 3, padding=1, bias=False)
        elif text_dim is not None:
            self.text_network = network(text_dim, text_grain)
        else:
            raise InputError("glomo: expected bert or text_dim, got neither")
        self.audio_network = network(audio_dim, audio_grain)
        self.video_network = network(vision_dim, vision_grain)
        self.moe_t = mixture(text_grain, text_experts)
        self.moe_a = mixture(audio_grain, audio_experts)
        self.moe_v = mixture(vision_grain, vision_experts)
        self.transformer_encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(
                d_model, heads, dim_feedforward=2048, dropout=fusion_dropout, batch_first=True
            ),
            num_layers=2,
            enable_nested_tensor=False,
        )
        self.attn_cs = Gate(d_model=d_model, dropout=gate_dropout)
        self.attn_fs = Gate(d_model=d_model, dropout=gate_dropout)
        self.fc_ts, self.fc_as, self.fc_vs, self.fc_all = (
            nn.Linear(2 * d_model, d_model) for _ in range(4)
        )
        self.classifier = nn.Linear(2 * d_model, output_dim)

    def forward(self, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        if self.bert is None:
            text_coarse, text_fine = self.text_network(sequence(batch, "text", self.padding))
        else:
            text_coarse, text_fine = self._pieces(batch)
        audio_coarse, audio_fine = self.audio_network(sequence(batch, "audio", self.padding))
        vision_coarse, vision_fine = self.video_network(sequence(batch, "vision", self.padding))
        text_mixed, text_loss = self.moe_t(text_fine.flatten(1))
        audio_mixed, audio_loss = self.moe_a(audio_fine.flatten(1))
        vision_mixed, vision_loss = self.moe_v(vision_fine.flatten(1))
        coarse = [text_coarse, audio_coarse, vision_coarse]
        tokens = torch.stack([*coarse, text_mixed, audio_mixed, vision_mixed], dim=1)  # (b, 6, d)
        tokens = self.transformer_encoder(tokens)
        coarse_sum, weights = self.attn_cs(tokens[:, :3])
        fine_sum, _ = self.attn_fs(tokens[:, 3:])
        shared = self.fc_all(torch.cat([coarse_sum, fine_sum], dim=1))  # (b, d)
        pairs = torch.cat([tokens[:, :3], tokens[:, 3:]], dim=2).unbind(1)  # 3 of (b, 2d)
        layers = (self.fc_ts, self.fc_as, self.fc_vs)
        own = torch.stack([f(x) for f, x in zip(layers, pairs, strict=True)], dim=1)  # (b, 3, d)
        own = (weights[..., None] * own).sum(1)
        prediction = self.classifier(torch.cat([shared, own], dim=1))  # (b, output_dim)
        return prediction, {"experts": text_loss + audio_loss + vision_loss}

    def parameter_groups(self, lr: float, weight_decay: float = 1e-4) -> list[dict]:
        """Groups for AdamW: no decay for biases and for what is called LayerNorm.weight."""
        named = [(p, "bias" in n or "LayerNorm.weight" in n) for n, p in self.named_parameters()]
        decayed = [p for p, spared in named if not spared]
        spared = [p for p, spared in named if spared]
        return [
            {"params": decayed, "lr": lr, "weight_decay": weight_decay},
            {"params": spared, "lr": lr, "weight_decay": 0.0},
        ]

    def _pieces(self, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Coarse from [CLS], fine from the last two layers' states one after the other in time."""
        assert self.bert is not None
        ids, segments = batch["input_ids"], batch["token_type_ids"]
        mask = batch["attention_mask"].bool()
        if self.padding == "masked":
            mask, ids, segments = compact(mask, ids, segments)
        states = hidden_states(self.bert, ids, segments, mask, self.padding)
        both, both_mask = torch.cat([states[-1], states[-2]], dim=1), None  # (b, 2t, D)
        if self.padding == "masked":
            both_mask, both = compact(torch.cat([mask, mask], dim=1), both)
        fine = self.text_fine(both.transpose(1, 2)).transpose(1, 2)  # (b, 2t, d)
        return self.text_coarse(states[-1][:, 0]), max_pool(fine, both_mask, self.text_grain)
