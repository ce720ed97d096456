"""State: what training needs to go on where it was killed, one file that is there only meanwhile.

The file is replaced whole after every epoch. It holds the weights twice (as they are, and of the
selected epoch) and the optimizer's two moments: four times the model's size.
"""

import random
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from msa.base.atomic import atomic_write


@dataclass(frozen=True)
class Epoch:
    """One line of the history; losses are means over rows, without a model's own terms.

    `terms` are these, by name, the means over rows of the training fold.
    """

    epoch: int
    train_loss: float
    valid_loss: float
    selection: float
    lr: float
    seconds: float
    rows_per_s: float
    terms: dict[str, float] = field(default_factory=dict)


@dataclass
class Trained:
    """What training leaves behind.

    Attributes:
        weights: state of the selected epoch, on the CPU.
        history: one entry an epoch.
        valid, test: predictions of every epoch, (epochs, n, output) each.
        selected: the selected epoch, from 1.
        seconds: wall time of the epochs, over all processes that took part.
    """

    weights: dict[str, Tensor]
    history: list[Epoch] = field(default_factory=list)
    valid: list[np.ndarray] = field(default_factory=list)
    test: list[np.ndarray] = field(default_factory=list)
    selected: int = 0
    seconds: float = 0.0

    @property
    def best(self) -> tuple[float, int]:
        """The lowest selection loss so far, and the first epoch that had it."""
        return min(((e.selection, e.epoch) for e in self.history), default=(float("inf"), 0))

    def add(
        self,
        epoch: Epoch,
        valid: Tensor,
        test: Tensor,
        weights: Callable[[], dict[str, Tensor]],
        last: bool,
    ) -> bool:
        """Take an epoch in; whether it is the best so far.

        Args:
            epoch: its line.
            valid, test: its predictions, (n, output).
            weights: what gives the state, asked for where the epoch becomes the selected one.
            last: the last epoch is selected, not the best.
        """
        better = epoch.selection < self.best[0]
        self.history.append(epoch)
        self.valid.append(valid.cpu().numpy())
        self.test.append(test.cpu().numpy())
        if better or last:
            self.selected, self.weights = epoch.epoch, weights()
        return better


@dataclass(frozen=True)
class Memory:
    """What a network keeps from batch to batch and no weights file has: buffers not persistent."""

    network: nn.Module

    def state_dict(self) -> dict[str, Tensor]:
        """These buffers by name."""
        weights = self.network.state_dict()
        return {name: x for name, x in self.network.named_buffers() if name not in weights}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Put them back, whatever their shapes are now."""
        device = next(self.network.parameters()).device
        for name, x in state.items():
            module, _, own = name.rpartition(".")
            setattr(self.network.get_submodule(module), own, x.to(device))


@dataclass(frozen=True)
class State:
    """The file of one training's state.

    Attributes:
        path: the file.
        key: digest of all that training depends on; a state with another key is not used.
    """

    path: Path
    key: str

    def save(self, trained: Trained, parts: Mapping[str, Any], order: torch.Generator) -> None:
        """Write the state as it is after an epoch.

        Args:
            trained: what there is so far.
            parts: what has a `state_dict`: network, optimizers, schedule, memory.
            order: the generator of the rows' order.
        """
        content = {
            "key": self.key,
            "parts": {name: part.state_dict() for name, part in parts.items()},
            "random": _random_states(order),
            "trained": vars(trained)
            | {
                "history": [asdict(epoch) for epoch in trained.history],
                "valid": [*map(torch.from_numpy, trained.valid)],
                "test": [*map(torch.from_numpy, trained.test)],
            },
        }
        # an open file, for its error says when the disk is full
        with _stopped_later(), atomic_write(self.path, "wb") as file:
            torch.save(content, file)

    def load(self, parts: Mapping[str, Any], order: torch.Generator) -> Trained | None:
        """Put everything back as `save` found it; None where there is no state of this key."""
        content = self._read()
        if content is None:
            return None
        for name, part in parts.items():
            part.load_state_dict(content["parts"][name])
        _set_random_states(content["random"], order)
        trained = Trained(**content["trained"])
        trained.history = [Epoch(**epoch) for epoch in content["trained"]["history"]]
        trained.valid = [valid.numpy() for valid in content["trained"]["valid"]]
        trained.test = [test.numpy() for test in content["trained"]["test"]]
        print(f"{self.path}: going on after epoch {len(trained.history)}", file=sys.stderr)
        return trained

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any] | None:
        if not self.path.is_file():
            return None
        try:
            content = torch.load(self.path, map_location="cpu", weights_only=True)
            if content["key"] == self.key:
                return content
            reason = "of other settings, data or code"
        # a damaged file brings forth errors of any kind, and costs only time
        except Exception as error:
            reason = f"not readable ({type(error).__name__})"
        print(f"{self.path}: {reason}: training starts anew", file=sys.stderr)
        self.remove()
        return None


@contextmanager
def _stopped_later() -> Iterator[None]:
    """Let what stops a process wait: an exception in the midst of torch's writer, which is C++,
    ends it without a word.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []
    handlers = {
        number: signal.signal(number, lambda number, _: waiting.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for first in waiting[:1]:
            signal.raise_signal(first)


def _random_states(order: torch.Generator) -> dict[str, Any]:
    of_numpy = np.random.get_state(legacy=False)
    of_numpy["state"]["key"] = of_numpy["state"]["key"].tolist()
    return {
        "order": order.get_state(),
        "python": random.getstate(),
        "numpy": of_numpy,
        "torch": torch.get_rng_state(),
        # asking would wake the GPU
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
    }


def _set_random_states(states: Mapping[str, Any], order: torch.Generator) -> None:
    order.set_state(states["order"])
    random.setstate(states["python"])
    np.random.set_state(states["numpy"])
    torch.set_rng_state(states["torch"])
    if states["cuda"]:
        torch.cuda.set_rng_state_all(states["cuda"])
