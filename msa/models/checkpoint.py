"""Weights under the key names of a released checkpoint, loaded into one of our models."""

import sys

from torch import Tensor, nn

from msa.errors import InputError


def rename(
    state: dict[str, Tensor], renamed: dict[str, str], unused: tuple[str, ...] = ()
) -> tuple[dict[str, Tensor], list[str]]:
    """Replace parts of key names; keys that contain a part listed in ``unused`` are set aside."""
    ours, dropped = {}, []
    for key, value in state.items():
        if any(part in key for part in unused):
            dropped.append(key)
            continue
        for old, new in renamed.items():
            key = key.replace(old, new)
        ours[key] = value
    return ours, dropped


def load_released(model: nn.Module, state: dict[str, Tensor]) -> list[str]:
    """Load a released state dict by way of ``from_released`` in the model's file.

    Returns the released keys that the model has no use for. Keys that are missing or of another
    shape are all named in one error.
    """
    ours, unused = sys.modules[type(model).__module__].from_released(state)
    expected = model.state_dict()
    problems = []
    for key, tensor in expected.items():
        if key not in ours:
            # a counter that no checkpoint needs: PyTorch wrote none before 0.4.1
            if not key.endswith("num_batches_tracked"):
                problems.append(f"{key}: expected {tuple(tensor.shape)}, found no such key")
        elif ours[key].shape != tensor.shape:
            found = tuple(ours[key].shape)
            problems.append(f"{key}: expected {tuple(tensor.shape)}, found {found}")
    if problems:
        name = type(model).__name__
        raise InputError("\n".join(f"released weights of {name}: {line}" for line in problems))
    released_name = {id(value): key for key, value in state.items()}
    unused = unused + [released_name[id(ours[key])] for key in ours if key not in expected]
    model.load_state_dict({key: ours[key] for key in ours if key in expected}, strict=False)
    return unused
