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
    """Tokens have position 0 in the first fusion."""
    model, seen = make("nhfnet").eval(), []
    encoder = model.audio_visual_model.transformer
    encoder.register_forward_hook(
        lambda module, args, settings, output: seen.append(settings.get("positions")),
        with_kwargs=True,
    )
    model(collate(make_rows("nhfnet"), "left", 2))
    assert [positions is None for positions in seen] == [True, True, False, True, True]
    assert seen[2].tolist()[1] == [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    assert seen[2].tolist()[2] == [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0]
