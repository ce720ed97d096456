"""BERT: Devlin et al., NAACL 2019; to the bit what transformers computes, without its start.

Transformers imports torch's compiler, its distributed tensors and an optimizer of scipy before it
has made a model, which takes longer than the demo's models train. The names are those of the files
that circulate. Legend: b batch, t pieces, d width, h heads.
"""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Config:
    """What config.json says of the network, under its names."""

    model_type: str
    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int
    type_vocab_size: int
    pad_token_id: int
    hidden_act: str
    hidden_dropout_prob: float
    attention_probs_dropout_prob: float
    layer_norm_eps: float


class Output(NamedTuple):
    """The last layer's states (b, t, d), and those of the embeddings and of every layer."""

    last_hidden_state: Tensor
    hidden_states: list[Tensor]


class Embeddings(nn.Module):
    """Piece, token type and position."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        d = config.hidden_size
        self.word_embeddings = nn.Embedding(config.vocab_size, d, padding_idx=config.pad_token_id)
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, d)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, d)
        self.LayerNorm = nn.LayerNorm(d, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, ids: Tensor, types: Tensor, positions: Tensor) -> Tensor:
        x = self.word_embeddings(ids) + self.token_type_embeddings(types)  # (b, t, d)
        return self.dropout(self.LayerNorm(x + self.position_embeddings(positions)))


class SelfAttention(nn.Module):
    """Of every piece to all that it may see."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        d = config.hidden_size
        self.heads, self.dropout = config.num_attention_heads, config.attention_probs_dropout_prob
        self.query, self.key, self.value = nn.Linear(d, d), nn.Linear(d, d), nn.Linear(d, d)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        b, t, d = x.shape
        q, k, v = (
            part(x).view(b, t, self.heads, -1).transpose(1, 2)  # (b, h, t, d / h)
            for part in (self.query, self.key, self.value)
        )
        dropout = self.dropout if self.training else 0.0
        x = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)
        return x.transpose(1, 2).reshape(b, t, d)


class Residual(nn.Module):
    """A linear layer, added to what was there before."""

    def __init__(self, config: Config, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, x: Tensor, before: Tensor) -> Tensor:
        return self.LayerNorm(self.dropout(self.dense(x)) + before)


class Layer(nn.Module):
    """Attention, then two linear layers."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        d, wide = config.hidden_size, config.intermediate_size
        attention = {"self": SelfAttention(config), "output": Residual(config, d)}
        self.attention = nn.ModuleDict(attention)
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(d, wide)})
        self.output = Residual(config, wide)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        x = self.attention["output"](self.attention["self"](x, mask), x)
        return self.output(functional.gelu(self.intermediate["dense"](x)), x)


class Bert(nn.Module):
    """The encoder, called as transformers' is; its pooler is for the models that take it."""

    def __init__(self, config: Config, pooler: bool = True) -> None:
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        layers = nn.ModuleList([Layer(config) for _ in range(config.num_hidden_layers)])
        self.encoder = nn.ModuleDict({"layer": layers})
        d = config.hidden_size
        self.pooler = nn.ModuleDict({"dense": nn.Linear(d, d)}) if pooler else None

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        output_hidden_states: bool = True,
    ) -> Output:
        """States of all layers.

        Args:
            input_ids: pieces (b, t).
            attention_mask: 1 at valid pieces (b, t), or what is added to the attention
                (b, 1, t, t).
            token_type_ids: their types (b, t); None is 0.
            position_ids: their positions (b, t); None counts from 0.
            output_hidden_states: they are there always.
        """
        b, t = input_ids.shape
        mask: Tensor | None = attention_mask
        if attention_mask.dim() == 2:
            valid = attention_mask.bool()
            mask = None if valid.all() else valid[:, None, None].expand(b, 1, t, t)
        if token_type_ids is None:
            token_type_ids = torch.zeros_like(input_ids)
        if position_ids is None:
            position_ids = torch.arange(t, device=input_ids.device)[None]
        states = [self.embeddings(input_ids, token_type_ids, position_ids)]
        layers: Any = self.encoder["layer"]
        for layer in layers:
            states.append(layer(states[-1], mask))
        return Output(states[-1], states)


def load_bert(folder: Path) -> Bert | None:
    """The BERT in a folder; None where config.json and model.safetensors are not wholly one's.

    Raises:
        OSError: a file cannot be read.
        ValueError: config.json is no JSON.
        SafetensorError: model.safetensors is damaged.
    """
    from safetensors.torch import load

    said = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    path, names = folder / "model.safetensors", [field.name for field in fields(Config)]
    if not isinstance(said, dict) or not set(names) <= set(said) or not path.is_file():
        return None
    # a decoder, or positions relative to one another, is another network
    usual = {"model_type": "bert", "hidden_act": "gelu", "is_decoder": False}
    usual |= {"add_cross_attention": False, "position_embedding_type": "absolute"}
    if any(said.get(name, value) != value for name, value in usual.items()):
        return None
    # older files have names of their own for the two, and the heads of the first training
    weights = {
        key.removeprefix("bert.").replace(".gamma", ".weight").replace(".beta", ".bias"): value
        for key, value in load(path.read_bytes()).items()
    }
    with torch.random.fork_rng(devices=[]):  # the first weights, which are replaced
        config = Config(**{name: said[name] for name in names})
        bert = Bert(config, pooler="pooler.dense.weight" in weights)
    expected = bert.state_dict()
    if any(
        key not in weights or (weights[key].shape, weights[key].dtype) != (like.shape, like.dtype)
        for key, like in expected.items()
    ):
        return None
    bert.load_state_dict({key: weights[key] for key in expected})
    return bert.eval()
