"""The device to compute on."""

import sys

import torch

from msa.errors import InputError


def choose_device(name: str) -> torch.device:
    """The device named auto, cpu, cuda or cuda:N.

    Raises:
        InputError: a GPU is asked for that is not there.
    """
    gpus = torch.cuda.device_count()
    if name == "auto":
        if not gpus:
            print("no GPU: computing on the CPU", file=sys.stderr)
        return torch.device("cuda" if gpus else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= gpus:
        raise InputError(f"device {name}: expected one of {gpus} GPUs; use `device: auto` or cpu")
    return device
