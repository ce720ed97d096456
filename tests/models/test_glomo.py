"""GLoMo: its text, its groups."""

import pytest
from making import make

from msa.base.errors import InputError


def test_neither_text_nor_bert() -> None:
    """There must be a text."""
    with pytest.raises(InputError, match="expected bert or text_dim, got neither"):
        make("glomo", text_dim=None)


def test_groups_are_told_by_name() -> None:
    """Biases and `LayerNorm.weight` do not decay."""
    model = make("glomo_bert")
    decayed, spared = model.parameter_groups(1e-3)
    names = {id(p): name for name, p in model.named_parameters()}
    kept = [names[id(p)] for p in spared["params"]]
    assert all("bias" in name or "LayerNorm.weight" in name for name in kept)
    # as published: the norms of the encoders are called otherwise, they decay
    assert "audio_network.encoder.layer_norm.weight" in {names[id(p)] for p in decayed["params"]}
    assert (decayed["weight_decay"], spared["weight_decay"]) == (1e-4, 0.0)
    assert len(decayed["params"]) + len(spared["params"]) == len(names)
