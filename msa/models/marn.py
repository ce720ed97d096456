"""MARN: Zadeh, Liang, Poria, Vij, Cambria, Morency, "Multi-attention Recurrent Network for Human
Communication Comprehension", AAAI 2018.

Each modality has an LSTHM. After every step several attentions weigh the states of all modalities;
what each modality's weighted states are reduced to makes the code that all see at the next step.
"""

from itertools import accumulate
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msa.models.checkpoint import rename
from msa.models.dropout import Dropout
from msa.models.lsthm import LSTHM, Layer, recur_together
from msa.models.padding import aligned_steps, require_choice

ORDER = {"paper": ("text", "vision", "audio"), "sdk": ("text", "audio", "vision")}
WIDTHS = {
    "text_dim": ("lsthm.text.W.weight", 1),
    "audio_dim": ("lsthm.audio.W.weight", 1),
    "vision_dim": ("lsthm.vision.W.weight", 1),
    "text_hidden": ("lsthm.text.U.weight", 1),
    "audio_hidden": ("lsthm.audio.U.weight", 1),
    "vision_hidden": ("lsthm.vision.U.weight", 1),
    "text_reduced": ("reduce.text.weight", 0),
    "audio_reduced": ("reduce.audio.weight", 0),
    "vision_reduced": ("reduce.vision.weight", 0),
}
RELEASED_NAMES = {
    "rnncell.word.": "lsthm.text.",
    "rnncell.visual.": "lsthm.vision.",
    "rnncell.acoustic.": "lsthm.audio.",
    "dim_reduce_model.word.": "reduce.text.",
    "dim_reduce_model.visual.": "reduce.vision.",
    "dim_reduce_model.acoustic.": "reduce.audio.",
    "att_model.": "attention_model.0.",
    **{f"dim_reduce_nets.{m}.0.": f"reduce.{m}." for m in ORDER["sdk"]},
}


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of a released one, of the SDK's modules or of a port."""
    return rename(state, RELEASED_NAMES)


class MARN(nn.Module):
    """Multiple attentions over the states of modalities that are aligned to words.

    ``variant="paper"`` has a layer G from the reduced states to the code, and one from the last
    states and code to the prediction; ``"sdk"``, of the authors' modules, has no G, and two layers
    of ours, ``head_hidden`` wide, to the prediction. With ``attention="joint"``, as theirs, one
    softmax is over all attentions together; with ``output_state="z"``, as in a port, the
    prediction sees the last code alone. Without ``attention_hidden`` the attentions are one layer.
    """

    def __init__(
        self,
        *,
        text_dim: int,
        audio_dim: int,
        vision_dim: int,
        output_dim: int,
        text_hidden: int = 64,
        audio_hidden: int = 32,
        vision_hidden: int = 32,
        text_reduced: int = 32,
        audio_reduced: int = 16,
        vision_reduced: int = 16,
        attentions: int = 4,
        attention_hidden: int = 64,
        head_hidden: int = 64,
        dropout: float = 0.0,
        variant: str = "paper",
        attention: str = "per_head",
        output_state: str = "h_and_z",
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = require_choice("padding", padding, ("masked", "released"))
        self.variant = require_choice("variant", variant, ("paper", "sdk"))
        self.attention = require_choice("attention", attention, ("per_head", "joint"))
        self.output_state = require_choice("output_state", output_state, ("h_and_z", "z"))
        self.attentions, order = attentions, ORDER[variant]
        inputs = {"text": text_dim, "audio": audio_dim, "vision": vision_dim}
        hidden = {"text": text_hidden, "audio": audio_hidden, "vision": vision_hidden}
        reduced = {"text": text_reduced, "audio": audio_reduced, "vision": vision_reduced}
        states, reduced_to = sum(hidden.values()), sum(reduced.values())
        self.code = code = states if variant == "paper" else reduced_to
        self.lsthm = nn.ModuleDict(
            {m: LSTHM(input_dim=inputs[m], hidden=hidden[m], code=code) for m in order}
        )
        hidden_layer = [nn.Linear(states, attention_hidden), nn.ReLU()] if attention_hidden else []
        scores = nn.Linear(attention_hidden or states, attentions * states)
        self.attention_model = nn.Sequential(*hidden_layer, scores)
        self.reduce = nn.ModuleDict(
            {m: nn.Linear(attentions * hidden[m], reduced[m]) for m in order}
        )
        self.dropout = Dropout(dropout)
        seen = states * (output_state == "h_and_z") + code
        if variant == "paper":
            self.hybrid_fc = nn.Linear(reduced_to, code)
            self.output_fc = nn.Linear(seen, output_dim)
        else:
            self.fc1 = nn.Linear(seen, head_hidden)
            self.fc2 = nn.Linear(head_hidden, output_dim)

    def forward(self, batch: dict[str, Any]) -> Tensor:
        steps = dict(
            zip(("text", "audio", "vision"), aligned_steps(batch, self.padding), strict=True)
        )
        x = recur_together(self.lsthm, steps, Attentions(self))  # (b, H + code)
        if self.output_state == "z":
            x = x[:, -self.code :]
        if self.variant == "paper":
            return self.output_fc(self.dropout(x))  # (b, output_dim)
        return self.fc2(self.dropout(F.relu(self.fc1(x))))


class Attentions:
    """The code (b, code) from the states (b, H) of all modalities, as one network at each step."""

    def __init__(self, model: MARN) -> None:
        k, reduce = model.attentions, dict[str, Any](model.reduce.items()).values()
        widths = [layer.in_features // k for layer in reduce]
        begins, states = accumulate(widths, initial=0), sum(widths)
        layers: list[tuple[Tensor, Tensor]] = [
            (x.weight, x.bias) for x in model.attention_model if isinstance(x, nn.Linear)
        ]
        if model.variant == "sdk":
            # theirs are a modality's for all attentions, then the next modality's
            parts = (
                [p.unflatten(0, (k, -1)) for p in x.split([k * w for w in widths])]
                for x in layers[-1]
            )
            weight, bias = (torch.cat(p, dim=1).flatten(0, 1) for p in parts)
            layers[-1] = weight, bias
        blocks = [
            F.pad(layer.weight.unflatten(1, (k, width)), (begin, states - begin - width))
            for layer, width, begin in zip(reduce, widths, begins, strict=False)
        ]  # (reduced, k, H) each, zeros where the states are another modality's
        layers.append((torch.cat(blocks).flatten(1), torch.cat([layer.bias for layer in reduce])))
        if model.variant == "paper":
            layers.append((model.hybrid_fc.weight, model.hybrid_fc.bias))
        self.weights = tuple(x for layer in layers for x in layer)
        self.layers = [Layer(*layer) for layer in layers]
        self.deep = len(model.attention_model) > 1
        # one softmax has the states as often as there are heads, each a number of times
        self.shape = (1, k, states) if model.attention == "joint" else (k, 1, states)
        self.kept: list[tuple[Tensor, ...]] = []

    def forward(self, states: Tensor) -> Tensor:
        *attend, score, reduce = self.layers[: 2 + self.deep]
        hidden = states
        for layer in attend:
            hidden = layer.forward(states).relu_()
        scores = score.forward(hidden).unflatten(1, self.shape)  # (b, softmaxes, heads, H)
        weights = scores.flatten(2).softmax(2).unflatten(2, self.shape[1:])
        attended = (weights * states[:, None, None]).flatten(1)
        code = reduced = reduce.forward(attended)
        for layer in self.layers[2 + self.deep :]:
            code = layer.forward(reduced)
        self.kept.append((states, hidden, weights, attended, reduced))
        return code

    def backward(self, t: int, by_code: Tensor) -> Tensor:
        *attend, score, reduce = self.layers[: 2 + self.deep]
        states, hidden, weights, attended, reduced = self.kept[t]
        for layer in self.layers[2 + self.deep :]:
            by_code = layer.backward(reduced, by_code)
        gradient = reduce.backward(attended, by_code).view_as(weights) * weights
        by_states = gradient.sum((1, 2))
        gradient *= states[:, None, None]
        gradient.addcmul_(weights, gradient.sum((2, 3), keepdim=True), value=-1)
        gradient = score.backward(hidden, gradient.flatten(1))
        for layer in attend:
            gradient = layer.backward(states, gradient.mul_(hidden > 0))
        return by_states.add_(gradient)

    def gradients(self) -> tuple[Tensor, ...]:
        return tuple(x for layer in self.layers for x in layer.gradients())
