"""MMIM: Han, Chen, Poria, "Improving Multimodal Fusion with Hierarchical Mutual Information
Maximization for Multimodal Sentiment Analysis", EMNLP 2021.

Bounds of the mutual information between the modalities, and between each and their fusion, are
raised along with the prediction; a pass of its own in each epoch first tightens the former.
"""

import sys
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from msa.base.errors import InputError
from msa.models.bert import drop_pooler, front_pieces, hidden_states
from msa.models.checkpoint import rename
from msa.models.dropout import Dropout
from msa.models.information import Bound, Contrast
from msa.models.last_state import LastState
from msa.models.padding import require_choice, sequence

WIDTHS = {
    "audio_dim": ("acoustic_enc.rnn.weight_ih_l0", 1),
    "vision_dim": ("visual_enc.rnn.weight_ih_l0", 1),
    "output_dim": ("fusion_prj.linear_3.weight", 0),
}
BEFORE_ENTROPY = 2  # batches of an epoch


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of a released one."""
    return rename(state, {"text_enc.bertmodel.": "bert."}, (".pooler.",))


class Fusion(nn.Module):
    """The prediction from all vectors, and the layer before it."""

    def __init__(self, *, input_dim: int, hidden: int, output_dim: int, dropout: float) -> None:
        super().__init__()
        self.dropout = Dropout(dropout)
        self.linear_1 = nn.Linear(input_dim, hidden)
        self.linear_2 = nn.Linear(hidden, hidden)
        self.linear_3 = nn.Linear(hidden, output_dim)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        fusion = torch.tanh(self.linear_2(torch.tanh(self.linear_1(self.dropout(x)))))
        return self.linear_3(fusion), fusion


class MMIM(nn.Module):
    """Fusion by mutual information: the prediction, and in training the terms of the bounds.

    ``train_entropy="none"`` leaves the projections behind the entropies as they begin, as
    released. ``padding`` makes no difference: the released code reads none either. ``bert`` loses
    its pooler, which has no part.
    """

    def __init__(
        self,
        *,
        bert: nn.Module,
        audio_dim: int,
        vision_dim: int,
        output_dim: int,
        text_dim: int | None = None,
        audio_hidden: int = 16,
        vision_hidden: int = 16,
        audio_out: int = 16,
        vision_out: int = 16,
        fusion_width: int = 128,
        dropout: float = 0.1,
        bidirectional: bool = False,
        contrast: bool = True,
        add_va: bool = False,
        cpc_layers: int = 1,
        alpha: float = 0.1,
        beta: float = 0.1,
        train_entropy: str = "stage1",
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = require_choice("padding", padding, ("masked", "released"))
        self.train_entropy = require_choice("train_entropy", train_entropy, ("stage1", "none"))
        self.contrast, self.alpha, self.beta = contrast, alpha, beta
        drop_pooler(bert)
        config: Any = bert.config
        text: int = config.hidden_size
        encoder = partial(LastState, dropout=dropout, bidirectional=bidirectional)
        self.acoustic_enc = encoder(input_dim=audio_dim, hidden=audio_hidden, output_dim=audio_out)
        self.visual_enc = encoder(input_dim=vision_dim, hidden=vision_hidden, output_dim=vision_out)
        dims = {"t": text, "v": vision_out, "a": audio_out}
        self.pairs = ("tv", "ta", "va") if add_va else ("tv", "ta")
        for pair in self.pairs:
            self.add_module(f"mi_{pair}", Bound(x_dim=dims[pair[0]], y_dim=dims[pair[1]]))
        for x, width in dims.items():
            coding = Contrast(fusion_dim=fusion_width, x_dim=width, layers=cpc_layers)
            self.add_module(f"cpc_z{x}", coding)
        self.fusion_prj = Fusion(
            input_dim=sum(dims.values()),
            hidden=fusion_width,
            output_dim=output_dim,
            dropout=dropout,
        )
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_normal_(parameter)
        self.bert = bert
        self.said = False
        self.phases = {"bounds": tuple(f"mi_{pair}.mlp_" for pair in self.pairs)}
        self.start_epoch(1)

    def start_training(self, labels: Tensor) -> None:
        """An InputError if there are more targets (n, targets) than one."""
        if labels.shape[1] != 1:
            raise InputError(f"mmim: expected labels of one target, got {labels.shape[1]}")

    def start_epoch(self, number: int) -> None:
        """What is kept of the batch before is of the same epoch."""
        self.batches = 0
        for pair in self.pairs:
            self._bound(pair).forget()

    def forward(self, batch: dict[str, Any]) -> Any:
        x = self._encode(batch)
        if batch.get("phase") == "bounds":
            return None, {"lld": -self._likelihood(x)}
        prediction, fusion = self.fusion_prj(torch.cat([x["t"], x["a"], x["v"]], dim=1))
        if not self.training:
            return prediction  # (b, output_dim)
        entropy = self._entropy(x, batch["label"][:, 0])
        self.batches += 1
        terms = {"entropy": -self.beta * entropy}
        if self.contrast:
            codings = [self.get_submodule(f"cpc_z{name}")(x[name], fusion) for name in x]
            terms["nce"] = self.alpha * torch.stack(codings).sum()
            terms["lld"] = -self.beta * self._likelihood(x)
        return prediction, terms

    def parameter_groups(
        self, lr: float, weight_decay: float, bert_lr: float = 5e-5
    ) -> list[dict[str, Any]]:
        """The encoder and the others, but for the bounds, which have a pass of their own."""
        named = [
            (name, parameter)
            for name, parameter in self.named_parameters()
            if not name.startswith(self.phases["bounds"])
            and not (self.train_entropy == "none" and ".entropy_prj." in name)
        ]
        encoder = [parameter for name, parameter in named if name.startswith("bert.")]
        others = [parameter for name, parameter in named if not name.startswith("bert.")]
        return [
            {"params": others, "lr": lr, "weight_decay": weight_decay},
            {"params": encoder, "lr": bert_lr, "weight_decay": weight_decay},
        ]

    def _encode(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        """One vector of each modality, (b, d), by its letter."""
        mask, ids, types = front_pieces(batch)
        return {
            "t": hidden_states(self.bert, ids, types, mask, "masked")[-1][:, 0],
            "v": self.visual_enc(sequence(batch, "vision")),
            "a": self.acoustic_enc(sequence(batch, "audio")),
        }

    def _bound(self, pair: str) -> Bound:
        bound = self.get_submodule(f"mi_{pair}")
        assert isinstance(bound, Bound)
        return bound

    def _likelihood(self, x: dict[str, Tensor]) -> Tensor:
        found = [self._bound(pair)(x[pair[0]], x[pair[1]]) for pair in self.pairs]
        return torch.stack(found).sum()

    def _entropy(self, x: dict[str, Tensor], label: Tensor) -> Tensor:
        """Sum over the pairs, zero in an epoch's first two batches."""
        found = {pair: self._bound(pair).entropy(x[pair[1]], label) for pair in self.pairs}
        total = x["t"].new_zeros(())
        if self.batches < BEFORE_ENTROPY:
            return total
        for pair, entropy in found.items():
            if entropy is not None:
                total = total + entropy
            elif not self.said:
                self.said = True
                print(
                    f"mmim: batch {self.batches + 1}: too few rows of one sign for the entropy of "
                    f"{pair}; where that is so it is left out; a larger batch_size has more",
                    file=sys.stderr,
                )
        return total
