"""The device to compute on, and how."""

import os
import re
import sys

import torch
from torch.utils import deterministic

from msa.base.errors import InputError


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
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise InputError(f"device {name}: expected auto, cpu, cuda or cuda:N")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= gpus:
        raise InputError(f"device {name}: expected one of {gpus} GPUs; use `device: auto` or cpu")
    return device


def be_deterministic() -> None:
    """The same bits every time, and fp32 where it says so; to be called before a GPU is used."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # the same as use_deterministic_algorithms, which imports the compiler besides: over a second
    torch.set_deterministic_debug_mode("error")
    torch.backends.cudnn.allow_tf32 = False
    # every new tensor would be filled before it is written
    deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
