"""Progress: a line on standard error, and the same numbers for TensorBoard."""

import sys
import time
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from msa.training.state import Epoch


class Progress:
    """To be called after every epoch.

    Args:
        run: folder of the run; the numbers for TensorBoard go below it.
        name: what the line begins with.
        epochs: how many there are at most.
        every: epochs between lines, 0 for none.
    """

    def __init__(self, run: Path, name: str, epochs: int, every: int) -> None:
        folder = run / "tensorboard"
        for old in folder.glob("events.*"):
            old.unlink()
        # the writer's own thread says too late that it may not write
        folder.mkdir(exist_ok=True)
        self.board = SummaryWriter(str(folder))
        self.name, self.epochs, self.every = name, epochs, every
        self.start, self.before = time.perf_counter(), 0

    def __call__(self, epoch: Epoch, better: bool | None) -> None:
        """Show an epoch, and whether it is the best so far; None for an earlier process's."""
        for name in ("train_loss", "valid_loss", "selection", "lr", "rows_per_s"):
            self.board.add_scalar(name, getattr(epoch, name), epoch.epoch)
        if better is None:
            self.before = epoch.epoch
            return
        if not self.every or (epoch.epoch % self.every and epoch.epoch != self.epochs):
            return
        each = (time.perf_counter() - self.start) / (epoch.epoch - self.before)
        left = each * (self.epochs - epoch.epoch)
        print(
            f"{self.name}  epoch {epoch.epoch}/{self.epochs}  train {epoch.train_loss:.4f}  "
            f"valid {epoch.valid_loss:.4f}{' *' if better else '  '}  "
            f"{epoch.rows_per_s:.0f} rows/s  at most {left:.0f} s left",
            file=sys.stderr,
            flush=True,
        )
