"""TETFN's crossmodal encoders, in which audio and vision meet by way of the text."""

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor, nn

from msa.models.packing import pack_alike
from msa.models.padding import Steps
from msa.models.transformer import Encoder, encode_last


class TextEnhanced(nn.Module):
    """What text (l), audio (a) and vision (v) find in each other.

    Where audio attends to vision, or vision to audio, the one attended to has attended to the text
    before; the encoders of these two have positions in any case.

    Args:
        d_model: width of each modality.
        layers: of each encoder, but for one in those that attend to the text before.
        encoder: makes one of some width and layers.
        text_audio_dropout: attention dropout where text attends to audio.
        text_vision_dropout: attention dropout where text attends to vision.
    """

    def __init__(
        self,
        *,
        d_model: int,
        layers: int,
        encoder: Callable[..., Encoder],
        text_audio_dropout: float,
        text_vision_dropout: float,
    ) -> None:
        super().__init__()
        crossing = partial(encoder, d_model=d_model, layers=layers)
        self.l_with_a = crossing(attention_dropout=text_audio_dropout)
        self.l_with_v = crossing(attention_dropout=text_vision_dropout)
        self.a_with_l, self.v_with_l = crossing(), crossing()
        for pair in ("a_with_v", "v_with_a"):
            lower, upper = crossing(layers=1, positions=True), crossing(positions=True)
            self.add_module(pair, nn.ModuleDict({"lower_mha": lower, "upper_mha": upper}))
        for letter in "lav":
            self.add_module(f"{letter}_mem", encoder(d_model=2 * d_model, layers=layers))

    def forward(self, steps: Mapping[str, Steps]) -> Tensor:
        """The last steps of all three, by their letters, (b, 6d)."""
        places = pack_alike(steps)
        packed = {m: places[m].pack(x.rows) for m, x in steps.items()}

        def cross(name: str, query: str, context: str, x: Tensor) -> Tensor:
            """A modality's steps attend to ``x``, of another's steps or what these found."""
            own, other = places[query], places[context]
            visible = own.visible(other, x.dtype, causal=True)
            encoder = self.get_submodule(name)
            return encoder(packed[query], own.positions, visible, x, other.positions)

        lasts = []
        for query, contexts in {"l": "av", "a": "lv", "v": "la"}.items():
            found = []
            for context in contexts:
                name, x = f"{query}_with_{context}", packed[context]
                if "l" not in (query, context):
                    x = cross(f"{name}.lower_mha", context, "l", packed["l"])
                    name = f"{name}.upper_mha"
                found.append(cross(name, query, context, x))
            memory = self.get_submodule(f"{query}_mem")
            assert isinstance(memory, Encoder)
            last = encode_last(memory, places[query], torch.cat(found, dim=2), causal=True)
            lasts.append(last)  # (b, 2d)
        return torch.cat(lasts, dim=1)
