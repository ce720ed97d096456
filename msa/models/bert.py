"""BERT over word pieces, short segments sharing a row."""

from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn

from msa.models.packing import Packing
from msa.models.padding import valid_steps

# their positions are given and absolute, their mask may be one for every pair of pieces
PACKED = ("bert",)


class Pooler(nn.Module):
    """The state at [CLS] through a linear layer and tanh: (b, t, D) to (b, D)."""

    def __init__(self, dense: nn.Linear) -> None:
        super().__init__()
        self.dense = dense

    def forward(self, states: Tensor) -> Tensor:
        return torch.tanh(self.dense(states[:, 0]))


def take_pooler(bert: nn.Module) -> Pooler:
    """The pretrained pooler of an encoder, which loses it; a new one where it has none."""
    pooler = getattr(bert, "pooler", None)
    dense = getattr(pooler, "dense", pooler)  # ALBERT's is the layer itself
    if isinstance(pooler, nn.Module):
        bert.register_module("pooler", None)
    if not isinstance(dense, nn.Linear):
        config: Any = bert.config
        dense = nn.Linear(config.hidden_size, config.hidden_size)
        nn.init.normal_(dense.weight, std=0.02)
        nn.init.zeros_(dense.bias)
    return Pooler(dense)


def hidden_states(
    bert: nn.Module, ids: Tensor, types: Tensor, mask: Tensor, padding: str
) -> list[Tensor]:
    """States (b, t, D) of the last two layers, the last one last.

    Args:
        bert: an encoder of transformers.
        ids: pieces (b, t).
        types: their token types (b, t); of an encoder that knows fewer, its last one.
        mask: which pieces are valid (b, t), those in front if ``padding`` is "masked".
        padding: "masked" or "released"; only with the former do segments share rows.
    """
    config: Any = bert.config
    if kinds := getattr(config, "type_vocab_size", None):
        types = types.clamp(max=kinds - 1)
    if padding == "released" or config.model_type not in PACKED:
        inputs = {"input_ids": ids, "token_type_ids": types, "attention_mask": mask.long()}
        if "token_type_ids" not in signature(bert.forward).parameters:  # DistilBERT's
            del inputs["token_type_ids"]
        return list(bert(**inputs, output_hidden_states=True).hidden_states[-2:])
    rows = valid_steps(mask, torch.stack([ids, types], dim=2))[0]
    packing = Packing(rows.lengths, ids.device)
    pieces = packing.pack(rows.rows)
    dtype = next(bert.parameters()).dtype
    states = bert(
        input_ids=pieces[..., 0],
        token_type_ids=pieces[..., 1],
        position_ids=(packing.positions - 1).clamp(min=0),
        attention_mask=packing.visible(packing, dtype),
        output_hidden_states=True,
    ).hidden_states[-2:]
    return [packing.unpack(x).padded()[0] for x in states]
