"""The baselines of train.py: the same math, written plainly.

Rows come one by one from a DataLoader, already padded; attention is unfused; every modality has a
pass of its own through a shared encoder, and the fixed length is computed to its end.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from msa.training.batches import Fold


class Rows(Dataset):
    """The first segments, one after the other, each as long as the longest may be."""

    def __init__(self, fold: Fold, segments: int, length: int, average: bool) -> None:
        self.label = fold.label[:segments]
        self.arrays = []
        for name, ragged in fold.modalities.items():
            x = torch.zeros(segments, length, ragged.width)
            begins, counts = ragged.begins[:segments], ragged.counts[:segments]
            for i, (begin, count) in enumerate(zip(begins, counts, strict=True)):
                x[i, :count] = ragged.rows[begin : begin + count]
            self.arrays.append(x.mean(1, keepdim=True) if average and name != "text" else x)

    def __len__(self) -> int:
        return len(self.label)

    def __getitem__(self, i: int) -> tuple[Tensor, ...]:
        return (*(x[i] for x in self.arrays), self.label[i])


def loader(
    fold: Fold, segments: int, length: int, batch_size: int, average: bool = False
) -> DataLoader:
    """Shuffled batches; with `average`, audio and vision are one vector each, made once."""
    return DataLoader(Rows(fold, segments, length, average), batch_size, shuffle=True)


class Attention(nn.Module):
    def __init__(self, d: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, nn.Dropout(dropout)
        self.q, self.k, self.v, self.out = (nn.Linear(d, d) for _ in range(4))

    def forward(self, query: Tensor, context: Tensor, causal: bool) -> Tensor:
        b, t, d = query.shape

        def split(x: Tensor) -> Tensor:
            return x.view(b, -1, self.heads, d // self.heads).transpose(1, 2)

        q, k, v = split(self.q(query)), split(self.k(context)), split(self.v(context))
        scores = q @ k.transpose(-1, -2) / math.sqrt(d // self.heads)  # (b, h, t, s)
        if causal:
            future = scores.new_ones(t, scores.shape[-1]).triu(1 + abs(scores.shape[-1] - t)).bool()
            scores = scores.masked_fill(future, -torch.inf)
        x = self.dropout(scores.softmax(-1)) @ v
        return self.out(x.transpose(1, 2).reshape(b, t, d))


class Layer(nn.Module):
    def __init__(self, d: int, heads: int, attention: float, relu: float, residual: float) -> None:
        super().__init__()
        self.attention = Attention(d, heads, attention)
        self.first, self.second = nn.LayerNorm(d), nn.LayerNorm(d)
        self.fc1, self.fc2 = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)
        self.relu, self.residual = nn.Dropout(relu), nn.Dropout(residual)

    def forward(self, x: Tensor, context: Tensor | None, causal: bool) -> Tensor:
        query = self.first(x)
        keys = query if context is None else self.first(context)
        x = x + self.residual(self.attention(query, keys, causal))
        hidden = self.relu(functional.relu(self.fc1(self.second(x))))
        return x + self.residual(self.fc2(hidden))


class Encoder(nn.Module):
    def __init__(
        self,
        d: int,
        heads: int,
        layers: int,
        attention: float = 0.0,
        relu: float = 0.0,
        residual: float = 0.0,
        embed: float = 0.0,
        causal: bool = False,
    ) -> None:
        super().__init__()
        self.causal, self.embed = causal, nn.Dropout(embed)
        self.layers = nn.ModuleList(
            Layer(d, heads, attention, relu, residual) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(d)

    def code(self, x: Tensor) -> Tensor:
        b, t, d = x.shape
        half, device = d // 2, x.device
        rates = torch.exp(torch.arange(half, device=device) * -(math.log(10000) / (half - 1)))
        angles = torch.arange(1, t + 1, device=device)[:, None] * rates
        code = torch.cat([angles.sin(), angles.cos()], dim=1).expand(b, t, d)
        code = code.masked_fill((x[..., :1] == 0), 0)
        return self.embed(math.sqrt(d) * x + code)

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        x, context = self.code(x), None if context is None else self.code(context)
        for layer in self.layers:
            x = layer(x, context, self.causal)
        return self.norm(x)


class LMF(nn.Module):
    def __init__(self, text: int, audio: int, vision: int, hidden: int = 64, rank: int = 4) -> None:
        super().__init__()

        def network(width: int) -> nn.Module:
            return nn.Sequential(
                nn.BatchNorm1d(width),
                nn.Dropout(0.5),
                *(nn.Linear(width, 16), nn.ReLU()),
                *(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU()),
            )

        self.audio, self.vision = network(audio), network(vision)
        self.lstm = nn.LSTM(text, hidden, batch_first=True)
        self.text = nn.Sequential(nn.Dropout(0.2), nn.Linear(hidden, hidden // 2))
        self.factors = nn.ParameterList(
            torch.randn(rank, width + 1, 1) * 0.1 for width in (16, 16, hidden // 2)
        )
        self.weights = nn.Parameter(torch.randn(1, rank))
        self.bias = nn.Parameter(torch.zeros(1, 1))

    def forward(self, text: Tensor, audio: Tensor, vision: Tensor) -> Tensor:
        _, (last, _) = self.lstm(text)
        vectors = self.audio(audio.mean(1)), self.vision(vision.mean(1)), self.text(last[0])
        product = text.new_ones(())
        for vector, factor in zip(vectors, self.factors, strict=True):
            one = vector.new_ones(len(vector), 1)
            product = product * torch.matmul(torch.cat([one, vector], dim=1), factor)
        return torch.matmul(self.weights, product.permute(1, 0, 2)).squeeze(1) + self.bias


class NHFNet(nn.Module):
    def __init__(self, text: int, audio: int, vision: int, d: int = 32) -> None:
        super().__init__()
        self.lstms = nn.ModuleList(
            [nn.LSTM(text, 128, batch_first=True), nn.LSTM(128, d, batch_first=True)]
        )
        self.norm = nn.LayerNorm(d)
        self.audio, self.vision = nn.Linear(audio, d), nn.Linear(vision, d)
        self.shared, self.classification = Encoder(d, 8, 4), Encoder(d, 8, 4)
        self.cross = Encoder(d, 8, 4, attention=0.4)
        self.out = nn.Linear(d, 1)

    def forward(self, text: Tensor, audio: Tensor, vision: Tensor) -> Tensor:
        for lstm in self.lstms:
            text, _ = lstm(text)
        text = self.classification(self.norm(text))
        audio, vision = self.shared(self.audio(audio)), self.shared(self.vision(vision))
        steps = audio.shape[1]
        tokens = audio.new_zeros(len(audio), 4, audio.shape[2])
        tokens = self.shared(torch.cat([audio, tokens], dim=1))[:, steps:]
        fused = self.shared(self.shared(torch.cat([tokens, vision], dim=1)))
        ways = self.cross(fused, text), self.cross(text, fused)
        last = text[:, -1] + fused[:, -1]
        return self.out(last + sum(self.classification(way)[:, -1] for way in ways))


class LMRCBT(nn.Module):
    def __init__(self, text: int, audio: int, vision: int, d: int = 40) -> None:
        super().__init__()
        self.lstm = nn.LSTM(
            text, d // 2, num_layers=2, bidirectional=True, dropout=0.5, batch_first=True
        )
        self.norm = nn.LayerNorm(d)
        self.convs = nn.ModuleList(nn.Conv1d(n, d, 3, bias=False) for n in (audio, vision))
        self.norms = nn.ModuleList(nn.BatchNorm1d(d) for _ in range(2))
        self.encoders = nn.ModuleList(
            Encoder(d, 8, 5, attention=0.1, relu=0.1, residual=0.2, embed=0.3, causal=True)
            for _ in range(3)
        )
        self.embed = nn.Dropout(0.3)
        self.own = nn.ModuleList(nn.Linear(d, d) for _ in range(2))
        self.other = nn.ModuleList(nn.Linear(d, d, bias=False) for _ in range(2))
        self.head = nn.Sequential(
            *(nn.Linear(3 * d, 3 * d), nn.ReLU(), nn.Dropout(0.1)),
            *(nn.Linear(3 * d, 3 * d), nn.Linear(3 * d, 1)),
        )

    def forward(self, text: Tensor, audio: Tensor, vision: Tensor) -> Tensor:
        last = []
        for x, conv, norm, encoder in zip(
            (audio, vision), self.convs, self.norms, self.encoders[:2], strict=True
        ):
            last.append(encoder(norm(conv(x.transpose(1, 2))).transpose(1, 2))[:, -1])
        text = self.norm(self.lstm(self.embed(text))[0])
        weights = text
        for own, other, vector in zip(self.own, self.other, reversed(last), strict=True):
            weights = torch.tanh(own(weights) + other(vector)[:, None]).softmax(-1)
        text = self.encoders[2](weights + text)[:, -1]
        return self.head(torch.cat([text, *last], dim=1))


class MulT(nn.Module):
    def __init__(
        self, text: int, audio: int, vision: int, d: int = 40, heads: int = 8, layers: int = 4
    ) -> None:
        super().__init__()

        def encoder(d: int) -> Encoder:
            return Encoder(d, heads, layers, attention=0.1, relu=0.1, residual=0.1, causal=True)

        self.convs = nn.ModuleList(nn.Conv1d(n, d, 3, bias=False) for n in (text, audio, vision))
        self.embed = nn.Dropout(0.3)
        self.cross = nn.ModuleList(encoder(d) for _ in range(6))
        self.memory = nn.ModuleList(encoder(2 * d) for _ in range(3))
        self.own, self.other, self.out = (nn.Linear(6 * d, n) for n in (6 * d, 6 * d, 1))
        self.dropout = nn.Dropout(0.1)

    def forward(self, text: Tensor, audio: Tensor, vision: Tensor) -> Tensor:
        inputs = [
            conv(x.transpose(1, 2)).transpose(1, 2)
            for conv, x in zip(self.convs, (self.embed(text), audio, vision), strict=True)
        ]
        crossing, last = iter(self.cross), []
        for i, memory in enumerate(self.memory):
            others = [x for j, x in enumerate(inputs) if j != i]
            found = [next(crossing)(inputs[i], x) for x in others]
            last.append(memory(torch.cat(found, dim=2))[:, -1])
        h = torch.cat(last, dim=1)
        return self.out(self.other(self.dropout(self.own(h).relu())) + h)


MODELS = {"lmf": LMF, "nhfnet": NHFNet, "lmr_cbt": LMRCBT}


class BertAdam(torch.optim.Optimizer):
    """One parameter after the other, unfused."""

    def __init__(self, params: Any, lr: float) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": 0.01})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for parameter in (p for p in group["params"] if p.grad is not None):
                state = self.state[parameter]
                if not state:
                    state["mean"], state["square"] = (torch.zeros_like(parameter) for _ in "ms")
                gradient = parameter.grad / (parameter.grad.norm() + 1e-6).clamp(min=1)
                state["mean"].lerp_(gradient, 0.1)
                state["square"].mul_(0.999).addcmul_(gradient, gradient, value=0.001)
                step = state["mean"] / (state["square"].sqrt() + 1e-6)
                parameter.sub_(group["lr"] * (step + group["weight_decay"] * parameter))
