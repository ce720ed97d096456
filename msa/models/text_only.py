"""A text encoder alone, fine-tuned: what every system that reads words has to be better than.

Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding",
NAACL 2019: one linear layer on the encoder's state at [CLS], on that of its pooler, or on the mean
of the pieces' states. T-BERT, the text-only system of Yang, Xu and Gao (CM-BERT, MM 2020), is this
with the pooler.
"""

from typing import Any

from torch import Tensor, nn

from msa.models.bert import front_pieces, hidden_states, take_pooler
from msa.models.checkpoint import rename
from msa.models.groups import matrices_decay
from msa.models.padding import masked_mean, require_choice

WIDTHS = {"output_dim": ("classifier.weight", 0)}


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of a released one."""
    return rename(state, {"bert.pooler.": "pooler."})


class TextOnly(nn.Module):
    """An encoder of any kind and a linear layer.

    ``pool`` is what the layer reads: "mean" of all pieces, [CLS] and [SEP] among them; "cls", the
    state of the first; "pooler", the same through the encoder's pretrained linear layer and tanh,
    new where the encoder has none. ``freeze_classifier`` leaves the layer at its random start, as
    the script does that T-BERT's recipe is taken from. The widths of vectors are not used.
    """

    def __init__(
        self,
        *,
        bert: nn.Module,
        output_dim: int,
        text_dim: int | None = None,
        audio_dim: int | None = None,
        vision_dim: int | None = None,
        pool: str = "mean",
        dropout: float = 0.1,
        freeze_embeddings: bool = False,
        freeze_classifier: bool = False,
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = require_choice("padding", padding, ("masked", "released"))
        self.pool = require_choice("pool", pool, ("mean", "cls", "pooler"))
        config: Any = bert.config
        pooler = take_pooler(bert)
        if freeze_embeddings:
            embeddings: Any = bert.embeddings
            embeddings.requires_grad_(False)
        self.bert = bert
        self.pooler = pooler if pool == "pooler" else None
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(config.hidden_size, output_dim)
        self.classifier.requires_grad_(not freeze_classifier)

    def forward(self, batch: dict[str, Any]) -> Tensor:
        mask, ids, types = front_pieces(batch, self.padding)  # (b, t)
        x = hidden_states(self.bert, ids, types, mask, self.padding)[-1]  # (b, t, D)
        if self.pooler is not None:
            x = self.pooler(x)
        else:
            x = masked_mean(x, mask) if self.pool == "mean" else x[:, 0]
        return self.classifier(self.dropout(x))  # (b, output_dim)

    def parameter_groups(self, lr: float, weight_decay: float = 0.01) -> list[dict]:
        """Groups for AdamW: no decay for biases and for the scales of normalisations."""
        return matrices_decay(self, lr, weight_decay)
