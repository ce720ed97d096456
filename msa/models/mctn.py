"""MCTN: Pham, Liang, Manzini, Morency, Poczos, "Found in Translation: Learning Robust Joint
Representations by Cyclic Translations between Modalities", AAAI 2019.

The text is translated to audio and back, its code to vision; what a translation is made from is
what is predicted from. Audio and vision are needed in training alone.
"""

import re
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from msa.models.padding import Steps, aligned_steps, require_choice
from msa.models.translation_keras import KerasTranslation
from msa.models.translation_mmsa import MMSATranslation
from msa.models.translation_multibench import MultiBenchTranslation

MODALITIES = ("text", "audio", "vision")
TRIMODAL = ("text-audio-vision", "text-vision-audio")
BIMODAL = ("text-audio", "text-vision")
# where a released key begins, of any variant
PARTS = re.compile(r"^(?=(encoder|decoder|seq2seq|attn|attention|lstm_layer|regression|head))")
# no shape tells one modality's width: all are as wide as the widest
WIDTHS: dict[str, tuple[str, int]] = {}


def from_released(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict and the unused keys of a released one, of any variant."""
    ahead = re.compile(r"^(encoder2?)\.forward\.")  # which is a method's name here
    return {PARTS.sub("network.", ahead.sub(r"\1.ahead.", key)): x for key, x in state.items()}, []


class MCTN(nn.Module):
    """Cyclic translations of word-aligned modalities, all filled with zeros to the widest one.

    ``variant`` is whose networks they are: the authors' in Keras, or those of the frameworks MMSA
    and MultiBench. Keywords that are as released in their other value, by variant:

    - keras: ``cell="tanh"`` keeps an encoder's cell as its tanh; ``forget_gate="input"`` has a
      decoder's input gate in place of a forget gate; with ``attention_state=False`` attention
      does not depend on the decoder, so that all steps see the same. ``outputs="tanh"``, the
      default, is released too: no translation reaches beyond 1; "linear" does.
    - mmsa: ``recurrence="batch"`` runs over the rows of the batch in place of time.
    - multibench: ``evaluation_code="states"`` predicts from something else than in training.

    ``head_hidden`` and ``dropout`` are MultiBench's, ``l2`` is of the authors' last layer.
    """

    def __init__(
        self,
        *,
        text_dim: int,
        audio_dim: int,
        vision_dim: int,
        output_dim: int,
        variant: str = "keras",
        order: str = "text-audio-vision",
        hidden: int = 32,
        regression_hidden: int = 32,
        head_hidden: int = 64,
        dropout: float = 0.15,
        translation_weight: float = 0.1,
        cycle_weight: float = 0.1,
        translation2_weight: float = 0.1,
        l2: float = 0.01,
        cell: str = "lstm",
        forget_gate: str = "own",
        attention_state: bool = True,
        outputs: str = "tanh",
        recurrence: str = "time",
        evaluation_code: str = "outputs",
        padding: str = "masked",
    ) -> None:
        super().__init__()
        self.padding = require_choice("padding", padding, ("masked", "released"))
        require_choice("variant", variant, ("keras", "mmsa", "multibench"))
        orders = (*TRIMODAL, *BIMODAL) if variant == "keras" else TRIMODAL
        self.order = require_choice("order", order, orders).split("-")
        require_choice("cell", cell, ("lstm", "tanh"))
        require_choice("forget_gate", forget_gate, ("own", "input"))
        require_choice("outputs", outputs, ("tanh", "linear"))
        require_choice("recurrence", recurrence, ("time", "batch"))
        require_choice("evaluation_code", evaluation_code, ("outputs", "states"))
        self.weights = {
            "translation": translation_weight,
            "cycle": cycle_weight,
            "translation2": translation2_weight,
            "l2": l2,
        }
        dims = {"text": text_dim, "audio": audio_dim, "vision": vision_dim}
        self.width = max(dims[name] for name in self.order)
        sizes = {
            "width": self.width,
            "hidden": hidden,
            "regression_hidden": regression_hidden,
            "output_dim": output_dim,
        }
        self.network: nn.Module
        if variant == "keras":
            self.network = KerasTranslation(
                targets=len(self.order) - 1,
                tanh_cell=cell == "tanh",
                attention_state=attention_state,
                forget_gate=forget_gate,
                outputs=outputs,
                **sizes,
            )
        elif variant == "mmsa":
            self.network = MMSATranslation(recurrence=recurrence, **sizes)
        else:
            self.network = MultiBenchTranslation(
                head_hidden=head_hidden, dropout=dropout, evaluation_code=evaluation_code, **sizes
            )

    def forward(self, batch: dict[str, Any]) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        """The prediction (b, output_dim), and in training the weighted errors of translation."""
        found = dict(zip(MODALITIES, aligned_steps(batch, self.padding), strict=True))
        steps = [found[name] for name in self.order]
        wide = [
            Steps(F.pad(x.rows, (0, self.width - x.rows.shape[1])), x.lengths).padded()
            for x in steps
        ]  # (b, t, width), (b, t)
        prediction, terms = self.network([x for x, _ in wide], wide[0][1])
        if not self.training:
            return prediction
        return prediction, {name: self.weights[name] * term for name, term in terms.items()}
