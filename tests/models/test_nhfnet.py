"""NHFNet: the shared encoder, tokens without position."""

import torch
from making import collate, make, make_rows


def test_audio_and_vision_share_an_encoder() -> None:
    """There are three encoders, not five."""
    model = make("nhfnet")
    encoders = {name.split(".layers.")[0] for name in model.state_dict() if ".layers." in name}
    assert encoders == {"audio_visual_model.transformer", "cross_transformer", "classification"}


@torch.no_grad()
def test_bottleneck_tokens_have_no_position_at_first() -> None:
    """Tokens have position 0 in the first fusion, and come first in the second."""
    model, seen = make("nhfnet").eval(), []
    encoder = model.audio_visual_model.transformer
    encoder.register_forward_hook(lambda module, args, output: seen.append(args[1]))
    model(collate(make_rows("nhfnet"), "left", 2))
    # steps of text, audio and vision: 1 2 3, 5 1 2, 4 8 1, 2 3 7; three tokens
    audio_and_vision, first, second, third = (positions.tolist() for positions in seen)
    assert len(audio_and_vision) == 2 * len(first)
    assert first[0] == [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0]
    assert second == third
    assert second[0] == [1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0]
    assert second[1] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0]
