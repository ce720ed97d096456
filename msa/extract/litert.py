"""LiteRT: run a .tflite network with one input, on one thread of the CPU."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from msa.base.errors import InputError

Network = Callable[[np.ndarray], list[np.ndarray]]


def load(path: Path) -> Network:
    """A network: of an input as it wants it, its outputs in the order of their sizes, large first.

    Raises:
        InputError: ai-edge-litert is not installed, or cannot read the file.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise InputError(
            f"faces are found by ai-edge-litert, which cannot be imported ({error}): "
            'pip install "msa[video]"'
        ) from error
    try:
        # more threads add in another order
        interpreter = Interpreter(str(path), num_threads=1)
        interpreter.allocate_tensors()
    except ValueError as error:
        raise InputError(f"{path}: expected a .tflite network, got: {error}") from error
    entrance = interpreter.get_input_details()[0]["index"]
    outputs = sorted(interpreter.get_output_details(), key=lambda output: -output["shape"].prod())

    def run(batch: np.ndarray) -> list[np.ndarray]:
        interpreter.set_tensor(entrance, batch)
        interpreter.invoke()
        return [interpreter.get_tensor(output["index"]) for output in outputs]

    return run
