"""BERT over word pieces, short segments sharing a row."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn

from msa.models.packing import Packing
from msa.models.padding import Steps, compact, sequence, valid_steps

# their positions are given and absolute, their mask may be one for every pair of pieces
PACKED = ("bert",)


class Pooler(nn.Module):
    """The state at [CLS] through a linear layer and tanh: (b, t, D) to (b, D)."""

    def __init__(self, dense: nn.Linear) -> None:
        super().__init__()
        self.dense = dense

    def forward(self, states: Tensor) -> Tensor:
        return torch.tanh(self.dense(states[:, 0]))


def drop_pooler(bert: nn.Module) -> None:
    """An encoder whose pooler has no part in a model loses it, if there is one."""
    if isinstance(getattr(bert, "pooler", None), nn.Module):
        bert.register_module("pooler", None)


def take_pooler(bert: nn.Module) -> Pooler:
    """The pretrained pooler of an encoder, which loses it; a new one where it has none."""
    pooler = getattr(bert, "pooler", None)
    dense = getattr(pooler, "dense", pooler)  # ALBERT's is the layer itself
    drop_pooler(bert)
    if not isinstance(dense, nn.Linear):
        config: Any = bert.config
        dense = nn.Linear(config.hidden_size, config.hidden_size)
        nn.init.normal_(dense.weight, std=0.02)
        nn.init.zeros_(dense.bias)
    return Pooler(dense)


@contextmanager
def _gated(
    bert: nn.Module, before: int, gate: Callable[..., Tensor] | None, beside: list[Tensor]
) -> Iterator[None]:
    if gate is None:
        yield
        return
    layer = bert.get_submodule(f"encoder.layer.{before}")
    hook = layer.register_forward_pre_hook(
        lambda module, args: (gate(args[0], *beside), *args[1:]), prepend=True
    )
    try:
        yield
    finally:
        hook.remove()


def hidden_states(
    bert: nn.Module,
    ids: Tensor,
    types: Tensor,
    mask: Tensor,
    padding: str,
    gate: Callable[..., Tensor] | None = None,
    *beside: Tensor,
    before: int = 0,
) -> list[Tensor]:
    """States (b, t, D) of the last two layers, the last one last.

    Args:
        bert: an encoder of transformers.
        ids: pieces (b, t).
        types: their token types (b, t); of an encoder that knows fewer, its last one.
        mask: which pieces are valid (b, t), those in front if ``padding`` is "masked".
        padding: "masked" or "released"; only with the former do segments share rows.
        gate: what the states become before one of the layers; only of an encoder that is BERT.
        beside: what the gate gets besides the states, (b, t) or (b, t, d) each, packed as they are.
        before: the layer that the gate is before, from 0.
    """
    config: Any = bert.config
    if kinds := getattr(config, "type_vocab_size", None):
        types = types.clamp(max=kinds - 1)
    if padding == "released" or config.model_type not in PACKED:
        inputs = {"input_ids": ids, "token_type_ids": types, "attention_mask": mask.long()}
        if "token_type_ids" not in signature(bert.forward).parameters:  # DistilBERT's
            del inputs["token_type_ids"]
        with _gated(bert, before, gate, [*beside]):
            return list(bert(**inputs, output_hidden_states=True).hidden_states[-2:])
    steps = valid_steps(mask, torch.stack([ids, types], dim=2), *beside)
    packing = Packing(steps[0].lengths, ids.device)
    pieces, *packed = (packing.pack(part.rows) for part in steps)
    dtype = next(bert.parameters()).dtype
    with _gated(bert, before, gate, packed):
        states = bert(
            input_ids=pieces[..., 0],
            token_type_ids=pieces[..., 1],
            position_ids=(packing.positions - 1).clamp(min=0),
            attention_mask=packing.visible(packing, dtype),
            output_hidden_states=True,
        ).hidden_states[-2:]
    return [packing.unpack(x).padded()[0] for x in states]


def front_pieces(
    batch: Mapping[str, Any], padding: str = "masked"
) -> tuple[Tensor, Tensor, Tensor]:
    """Which pieces of a batch are valid, their ids and token types, (b, t) each.

    The valid ones are in front, unless ``padding`` is "released".
    """
    mask, ids, types = (batch[x] for x in ("attention_mask", "input_ids", "token_type_ids"))
    if padding == "masked":
        mask, ids, types = compact(mask.bool(), ids, types)
    return mask.bool(), ids, types


def encode_pieces(bert: nn.Module, batch: Mapping[str, Any], padding: str) -> Steps:
    """The last states of a batch's pieces; with ``padding="released"`` of all, else of valid ones.

    Args:
        bert: an encoder of transformers.
        batch: has `input_ids`, `token_type_ids` and `attention_mask`, (b, t).
        padding: "masked" or "released".
    """
    mask, ids, types = front_pieces(batch, padding)
    states = hidden_states(bert, ids, types, mask, padding)[-1]
    return sequence({"text": states, "text_mask": mask}, "text", padding)


def freeze(bert: nn.Module, layers: int | None) -> None:
    """The first layers of an encoder learn nothing; None is all of it, embeddings too."""
    for name, parameter in bert.named_parameters():
        layer = re.search(r"\blayer\.(\d+)\.", name)
        if layers is None or (layer and int(layer[1]) < layers):
            parameter.requires_grad_(False)


def cut_pieces(mask: Tensor, ids: Tensor, types: Tensor, *, pieces: int) -> tuple[Tensor, ...]:
    """Rows (b, t) of at most some pieces, the last one [SEP] as before."""
    longer = mask[:, pieces:].any(1, keepdim=True)  # (b, 1)
    last = ids.gather(1, mask.sum(1, keepdim=True) - 1)
    mask, ids, types = (x[:, :pieces] for x in (mask, ids, types))
    end = torch.where(longer, last, ids[:, -1:])
    return mask, torch.cat([ids[:, :-1], end], dim=1), types
