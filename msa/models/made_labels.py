"""The labels of single modalities that Self-MM makes while it trains, with what they come from."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from msa.base.errors import InputError

MODALITIES = ("text", "audio", "vision")
VIEWS = ("fusion", *MODALITIES)


class Labels(nn.Module):
    """Labels of each view for all rows of the training fold, made while training goes on.

    Kept as buffers that are no weights: `label_<view>` (n,), `feature_<view>` (n, d), and the
    features' means `centers_<view>` (2, d) over rows of positive and of negative labels.
    """

    def __init__(self, labels: Tensor, *, limit: float, exclude_zero: bool) -> None:
        super().__init__()
        self.limit, self.exclude_zero = limit, exclude_zero
        for view in VIEWS:
            self.register_buffer(f"label_{view}", labels.clone(), persistent=False)
            self.register_buffer(f"feature_{view}", labels.new_zeros(0), persistent=False)
            self.register_buffer(f"centers_{view}", labels.new_zeros(0), persistent=False)

    def update(self, rows: Tensor, features: Mapping[str, Tensor], epoch: int) -> None:
        """Take in the features (b, d) of some rows (b,), making new labels from epoch 2 on."""
        if epoch > 1:
            given = self.get_buffer("label_fusion")[rows]
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
                    f"self_mm: expected labels on both sides of 0 to make those of {view}, found "
                    f"no {side} one in {labels.shape[1]} rows; another system can train on these "
                    "data"
                )
        for view, rows, count in zip(VIEWS, sides, counts, strict=True):
            x = self.get_buffer(f"feature_{view}")
            # a product: picking the rows would copy the table
            setattr(self, f"centers_{view}", rows.to(x.dtype) @ x / count[:, None])
