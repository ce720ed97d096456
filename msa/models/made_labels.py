"""The labels of single modalities that Self-MM and TETFN make while they train, and what from."""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.base.errors import InputError
from msa.models.dropout import Dropout

MODALITIES = ("text", "audio", "vision")
VIEWS = ("fusion", *MODALITIES)


class Head(nn.Module):
    """A vector's representation, by which labels are made, and the prediction from it."""

    def __init__(self, *, input_dim: int, width: int, output_dim: int, dropout: float) -> None:
        super().__init__()
        self.dropout = Dropout(dropout)
        self.layer_1 = nn.Linear(input_dim, width)
        self.layer_2 = nn.Linear(width, width)
        self.layer_3 = nn.Linear(width, output_dim)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(b, output_dim) and (b, width)."""
        feature = F.relu(self.layer_1(self.dropout(x)))
        return self.layer_3(F.relu(self.layer_2(feature))), feature


def heads_of(sizes: Mapping[str, tuple[int, int, float]], output_dim: int) -> nn.ModuleDict:
    """A head of each view, of the vector's width, its own, and its dropout."""
    return nn.ModuleDict(
        {
            view: Head(input_dim=size, width=width, output_dim=output_dim, dropout=dropout)
            for view, (size, width, dropout) in sizes.items()
        }
    )


def read_heads(
    heads: nn.ModuleDict, vectors: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Predictions (b, output_dim) and representations (b, d) of each view's vector."""
    found = {view: heads[view](vectors[view]) for view in VIEWS}
    outputs, features = ({view: pair[i] for view, pair in found.items()} for i in (0, 1))
    return outputs, features


class Labels(nn.Module):
    """Labels of each view for all rows of the training fold, made while training goes on.

    Kept as buffers that are no weights: `label_<view>` (n,), `feature_<view>` (n, d), and the
    features' means `centers_<view>` (2, d) over rows of positive and of negative labels. Errors
    begin with the name of the ``system``; ``limit`` is the largest label that is made.

    Raises:
        InputError: the labels (n, targets) are of more targets than one.
    """

    def __init__(
        self, labels: Tensor, *, system: str, limit: float, exclude_zero: bool = True
    ) -> None:
        super().__init__()
        if labels.shape[1] != 1:
            raise InputError(f"{system}: expected labels of one target, got {labels.shape[1]}")
        self.system, self.limit, self.exclude_zero = system, limit, exclude_zero
        for view in VIEWS:
            self.register_buffer(f"label_{view}", labels[:, 0].clone(), persistent=False)
            self.register_buffer(f"feature_{view}", labels.new_zeros(0), persistent=False)
            self.register_buffer(f"centers_{view}", labels.new_zeros(0), persistent=False)

    def terms(self, outputs: Mapping[str, Tensor], batch: Mapping[str, Any]) -> dict[str, Tensor]:
        """Each modality's loss: the further its label is from the given one, the more it counts."""
        terms = {}
        for name in MODALITIES:
            own = self.get_buffer(f"label_{name}")[batch["segments"]]
            weight = (own - batch["label"][:, 0]).abs().tanh()
            terms[name] = (weight * (outputs[name][:, 0] - own).abs()).mean()
        return terms

    @torch.no_grad()
    def update(self, rows: Tensor, features: Mapping[str, Tensor], epoch: int) -> None:
        """Take in the features (b, d) of some rows (b,), making new labels from epoch 2 on."""
        given = self.get_buffer("label_fusion")[rows]
        features = {view: x.detach().to(given.dtype) for view, x in features.items()}
        if epoch > 1:
            leaning = {view: self._leaning(view, features[view]) for view in VIEWS}
            for name in MODALITIES:
                share = leaning[name] / (leaning["fusion"] + 1e-8)
                shift = leaning[name] - leaning["fusion"]
                made = (0.5 * share * given + 0.5 * (given + shift)).clamp(-self.limit, self.limit)
                labels = self.get_buffer(f"label_{name}")
                labels[rows] = (epoch - 1) / (epoch + 1) * labels[rows] + 2 / (epoch + 1) * made
        for view in VIEWS:
            stored, x = self.get_buffer(f"feature_{view}"), features[view]
            if not len(stored):
                stored = x.new_zeros(len(self.get_buffer("label_fusion")), x.shape[1])
                setattr(self, f"feature_{view}", stored)
            stored[rows] = x
        self._center()

    def _leaning(self, view: str, x: Tensor) -> Tensor:
        """How much closer features (b, d) lie to the positive centre than to the negative, (b,)."""
        positive, negative = self.get_buffer(f"centers_{view}")
        near, far = (x - positive).norm(dim=1), (x - negative).norm(dim=1)
        return (far - near) / (near + 1e-8)

    def _center(self) -> None:
        """Rows that were not seen yet count with features of zero."""
        labels = torch.stack([self.get_buffer(f"label_{view}") for view in VIEWS])  # (4, n)
        positive = labels > 0 if self.exclude_zero else labels >= 0
        sides = torch.stack([positive, labels < 0], dim=1)  # (4, 2, n)
        counts = sides.sum(2)
        # of all at once: on a GPU each look waits for it
        for view, found in zip(VIEWS, counts.tolist(), strict=True):
            if not all(found):
                side = "negative" if found[0] else "positive"
                raise InputError(
                    f"{self.system}: expected labels on both sides of 0 to make those of {view}, "
                    f"found no {side} one in {labels.shape[1]} rows; another system can train on "
                    "these data"
                )
        for view, rows, count in zip(VIEWS, sides, counts, strict=True):
            x = self.get_buffer(f"feature_{view}")
            # a product: picking the rows would copy the table
            setattr(self, f"centers_{view}", rows.to(x.dtype) @ x / count[:, None])
