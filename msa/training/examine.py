"""Examine: which modalities a model uses, and what its attention or experts did in some segments.

Any model is asked how much its outputs on the test fold change when a modality's rows are permuted.
The segments are chosen by the error, so that they do not flatter: the median, the largest, the
least and the quartiles; in a regression also the lowest and the highest truth. `words` are the rows
of what is shown: CM-BERT's attend each, GLoMo gives its experts a whole segment at once.
"""

import argparse
import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from msa.base.atomic import atomic_write
from msa.base.reading import read_offsets, read_words
from msa.data.pieces import SPECIAL
from msa.models import EXAMINED
from msa.results.score import modality_use
from msa.training.batches import Fold
from msa.training.network import predictions, trained
from msa.training.predict_folds import drawn_alike, predict_permuted
from msa.training.run import Places, add_data_arguments, load_run, open_run

QUANTILES = {
    "median error": 0.5,
    "largest error": 1,
    "least error": 0,
    "lower quartile of the error": 0.25,
    "upper quartile of the error": 0.75,
}
# what to look at: kind -> name -> submodule
WATCHED = {
    "attention": {"attention": "fusion.attention_dropout"},
    "experts": {"text": "moe_t", "audio": "moe_a", "vision": "moe_v"},
}


def errors(task: Mapping[str, Any], truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Each row's absolute error, or 1 - probability of the true class, averaged over targets (n,).

    Args:
        task: the settings' task.
        truth: (n, targets).
        prediction: the model's outputs (n, outputs).
    """
    if task["type"] == "regression":
        return np.abs(prediction - truth).mean(1)
    from scipy.special import softmax

    n, k = truth.shape
    shares = softmax(prediction.reshape(n, k, -1), axis=2)
    return 1 - np.take_along_axis(shares, truth.astype(int)[..., None], 2)[..., 0].mean(1)


def choose(
    task: Mapping[str, Any], truth: np.ndarray, prediction: np.ndarray
) -> dict[int, list[str]]:
    """Some rows and why they were chosen; of equal ones the first. Arguments as of `errors`."""
    order = errors(task, truth, prediction).argsort(kind="stable")
    rows = [(order[int(q * (len(order) - 1))], why) for why, q in QUANTILES.items()]
    if task["type"] == "regression":
        mean = truth.mean(1)
        rows += [(mean.argmin(), "lowest truth"), (mean.argmax(), "highest truth")]
    chosen: dict[int, list[str]] = {}
    for row, why in rows:
        chosen.setdefault(int(row), []).append(why)
    return chosen


def watched(
    network: nn.Module, kind: str, fold: Fold, hyper: Mapping[str, Any]
) -> tuple[np.ndarray, list[dict[str, np.ndarray]]]:
    """Predictions (n, output) of a fold, and what each segment's attention or experts were.

    Attention is (t, t) of its batch's pieces, padding included; gates are (experts,).
    """
    seen: dict[str, list[np.ndarray]] = {name: [] for name in WATCHED[kind]}
    read = _gates if kind == "experts" else _output
    hooks = [
        network.get_submodule(path).register_forward_hook(partial(_keep, seen[name], read))
        for name, path in WATCHED[kind].items()
    ]
    outputs = predictions(network, fold, hyper).double().cpu().numpy()
    for hook in hooks:
        hook.remove()
    rows = zip(*seen.values(), strict=True)
    return outputs, [dict(zip(seen, row, strict=True)) for row in rows]


def _keep(
    into: list[np.ndarray],
    read: Callable[[Any, tuple[Tensor, ...], Any], Tensor],
    module: nn.Module,
    inputs: tuple[Tensor, ...],
    output: Any,
) -> None:
    into.extend(read(module, inputs, output).double().cpu().numpy())


def _output(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    return output


def _gates(module: Any, inputs: tuple[Tensor, ...], output: Any) -> Tensor:
    return module.gates(*inputs)[0]


def by_word(weights: np.ndarray, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Attention between words: summed over the pieces attended to, averaged over those that attend.

    Args:
        weights: between pieces, rows sum to 1, (t, t).
        words: the word of each piece, SPECIAL ones stand alone, (t,).

    Returns:
        Between words, rows sum to 1, (w, w), and the words (w,).
    """
    starts = np.flatnonzero((np.diff(words, prepend=SPECIAL) != 0) | (words == SPECIAL))
    summed = np.add.reduceat(np.add.reduceat(weights, starts, axis=1), starts, axis=0)
    return summed / np.diff(starts, append=len(words))[:, None], words[starts]


def attention(fold: Fold, row: int, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`by_word` of one segment, from the attention (t, t) in its padded batch."""
    text, t = fold.modalities["text"], len(weights)
    assert fold.words is not None
    count, begin = int(text.counts[row]), int(text.begins[row])
    # padding is behind, but where the released code pads on the left
    first = t - count if fold.released and text.side == "left" else 0
    pieces = slice(first, first + count)
    return by_word(weights[pieces, pieces], fold.words[begin : begin + count].numpy())


def spoken(folder: Path) -> tuple[list[str], np.ndarray]:
    """All words of a fold and where each segment begins in them, (n + 1,); none without words."""
    offsets = read_offsets(folder / "offsets.npy")
    if "words" not in (offsets.dtype.names or ()):
        return [], np.zeros(len(offsets), dtype=np.int64)
    bounds = offsets["words"]
    return read_words(folder / "words.npy", bounds[-1]), bounds


def examined(
    network: nn.Module, kind: str, fold: Fold, settings: Mapping[str, Any], folder: Path
) -> list[dict[str, Any]]:
    """The chosen segments with their words, and attention or experts in each.

    Args:
        network: the trained model.
        kind: of WATCHED.
        fold: the test fold.
        settings: the run's.
        folder: of the fold, written by the stage split.
    """
    prediction, seen = watched(network, kind, fold, settings["hyperparameters"])
    words, bounds = spoken(folder)
    truth = fold.label.double().cpu().numpy()
    segments = []
    for row, why in choose(settings["task"], truth, prediction).items():
        segment: dict[str, Any] = {
            "id": str(fold.ids[row]),
            "fold": "test",
            "chosen": why,
            "truth": truth[row].tolist(),
            "prediction": prediction[row].tolist(),
            "words": [" ".join(words[bounds[row] : bounds[row + 1]])],
        }
        if kind == "attention":
            weights, rows = attention(fold, row, seen[row]["attention"])
            said = (words[row] if row != SPECIAL else "[SEP]" for row in rows[1:])
            segment["words"] = ["[CLS]", *said]
            segment["attention"] = weights.round(6).tolist()
        else:
            segment["experts"] = {
                name: {
                    "words": [gates.round(6).tolist()],
                    "names": [f"expert {i + 1}" for i in range(len(gates))],
                }
                for name, gates in seen[row].items()
            }
        segments.append(segment)
    return segments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of the run, with model.safetensors")
    add_data_arguments(parser)
    parser.add_argument(
        "--output", type=Path, required=True, help="results/<dataset>/<model>.segments.json"
    )


def main(args: argparse.Namespace) -> None:
    settings, device = open_run(args.run, args.device)
    kind = EXAMINED.get(settings["model"])
    folds, bert = load_run(Places.of(args), settings, ("test",))
    fold = folds["test"].to(device)
    network = trained(args.run, settings, fold, bert).to(device)
    hyper = settings["hyperparameters"]
    clean = drawn_alike(network, fold, hyper)
    used = modality_use(clean, predict_permuted(network, fold, hyper))
    print(", ".join(f"{name} {change:.3g}" for name, change in used.items()))
    segments = []
    if kind:
        segments = examined(network, kind, fold, settings, args.data / "test")
    content = {
        "schema_version": 1,
        **{name: settings[name] for name in ("dataset", "model")},
        "kind": kind,
        "target": settings["target"],
        "seed": settings["seed"],
        "modality_use": used,
        "segments": segments,
    }
    with atomic_write(args.output) as file:
        json.dump(content, file, indent=1, ensure_ascii=False)
