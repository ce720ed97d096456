"""Weights under the key names of a released checkpoint, loaded into one of our models.

A model's file says what its authors call things: ``from_released`` translates a state dict, and
``WIDTHS`` gives, for keywords of the constructor, the key (ours) and the dimension that tell it.
"""

import re
import sys

from torch import Tensor, nn

from msa.base.errors import InputError

# of modalities, in the names of released keys
LETTERS = {"text": "l", "audio": "a", "vision": "v"}


def rename(
    state: dict[str, Tensor], replacements: dict[str, str], unused: tuple[str, ...] = ()
) -> tuple[dict[str, Tensor], list[str]]:
    """Replace parts of key names; keys that contain a part listed in ``unused`` are set aside."""
    our_state, dropped = {}, []
    for key, value in state.items():
        if any(part in key for part in unused):
            dropped.append(key)
            continue
        for old, new in replacements.items():
            key = key.replace(old, new)
        our_state[key] = value
    return our_state, dropped


def released_widths(network: type[nn.Module], state: dict[str, Tensor]) -> dict[str, int]:
    """The constructor's keywords that the shapes of a released state dict tell.

    Raises:
        InputError: a key that tells one is missing, or has too few dimensions.
    """
    module = sys.modules[network.__module__]
    our_state, _ = module.from_released(state)
    has_encoder = any(key.startswith("bert.") for key in our_state)
    widths, problems = {}, []
    for keyword, (key, dimension) in module.WIDTHS.items():
        if keyword == "text_dim" and has_encoder:
            continue
        shape = f"{tuple(our_state[key].shape)}" if key in our_state else "no such key"
        if key in our_state and our_state[key].dim() > dimension:
            widths[keyword] = our_state[key].shape[dimension]
        else:
            problems.append(f"{key}: expected {keyword} as dimension {dimension}, found {shape}")
    _refuse(network, problems)
    return widths


def load_released(model: nn.Module, state: dict[str, Tensor]) -> list[str]:
    """Load a released state dict by way of ``from_released`` in the model's file.

    Returns the released keys that the model has no use for. Keys that are missing, of another
    shape, or of one layer more than the model has are all named in one error.
    """
    our_state, unused = sys.modules[type(model).__module__].from_released(state)
    expected = model.state_dict()
    released_name = {id(value): key for key, value in state.items()}
    problems = []
    for key, tensor in expected.items():
        if key not in our_state:
            # a counter that no checkpoint needs: PyTorch wrote none before 0.4.1
            if not key.endswith("num_batches_tracked"):
                problems.append(f"{key}: expected {tuple(tensor.shape)}, found no such key")
        elif our_state[key].shape != tensor.shape:
            shape, theirs = tuple(our_state[key].shape), released_name[id(our_state[key])]
            name = key if key == theirs else f"{key} (released as {theirs})"
            problems.append(f"{name}: expected {tuple(tensor.shape)}, found {shape}")
    # dropped, a further layer or expert would make another model of it without a word
    repeated = {_unnumbered(key) for key in expected}
    for key in our_state:
        if key not in expected and _unnumbered(key) in repeated:
            problems.append(f"{key}: expected no such key, found {tuple(our_state[key].shape)}")
    _refuse(type(model), problems)
    unused = unused + [
        released_name[id(our_state[key])] for key in our_state if key not in expected
    ]
    model.load_state_dict(
        {key: our_state[key] for key in our_state if key in expected}, strict=False
    )
    return unused


def _unnumbered(key: str) -> str:
    return re.sub(r"\d+", "#", key)


def _refuse(network: type, problems: list[str]) -> None:
    if problems:
        name = network.__name__
        raise InputError("\n".join(f"released weights of {name}: {line}" for line in problems))
