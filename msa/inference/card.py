"""Card: what a system is, for people and for the Hugging Face hub: a README.md with a YAML head."""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from msa import __version__
from msa.base.bibtex import cited
from msa.base.learned import not_learned, sentence
from msa.base.workflow import WORKFLOW
from msa.config.configuration import Config
from msa.data.licences import licence_table
from msa.results.seeds import spread_text
from msa.results.summarize import label, protocol

TEMPLATE = WORKFLOW / "resources" / "model_card.md"
LIBRARY = "msa"
TASK = "Multimodal sentiment analysis"
# licences as the hub writes them; all else is `other`
LICENCES = {"MIT": "mit", "Apache-2.0": "apache-2.0", "CC-BY-4.0": "cc-by-4.0"}
# the hub's name of a score, by the letters that ours begins with
METRICS = {"mae": "mae", "corr": "pearsonr", "acc": "accuracy", "wacc": "accuracy", "f": "f1"}
DATA_SET = re.compile("hf://datasets/([^/@]+/[^/@]+)@.*")


def model_card(
    content: Mapping[str, Any],
    result: Mapping[str, Any],
    config: Config,
    forms: Mapping[str, str | None],
    reads: str,
    about: str = "",
    languages: Sequence[str] = (),
) -> str:
    """The card of a pack.

    Args:
        content: of its system.json, but for the files.
        result: the result that it was made from.
        config: for titles and citations.
        forms: by modality what the model reads, None for nothing.
        reads: the same in words, with columns.
        about: the user's own words, Markdown.
        languages: codes of the data's languages.
    """
    import jinja2

    data, model = config.recipes[content["dataset"]], config.models[content["model"]]
    environment = jinja2.Environment(
        trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["plain"] = plain
    lost = not_learned(result["learned"])
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        about=about.strip(),
        citations=cited([recipe["cite"] for recipe in (model, data) if "cite" in recipe]),
        content=content,
        data_title=data.get("title", content["dataset"]),
        head=head(content, result, data, forms, languages),
        languages=languages,
        licences=licence_table(content["licences"])[3:],
        lost=sentence(label(result), lost, False) if lost else "",
        model_title=model.get("title", content["model"]),
        name=label(result),
        protocol=protocol(result),
        reads=reads,
        result=result,
        scores=[*_scores(result)],
        strict=[entry for entry in content["licences"] if entry["noncommercial"] is not False],
        version=__version__,
    )


def plain(text: object) -> str:
    """A text from outside, in one line that Markdown and HTML take for text."""
    line = html.escape(" ".join(str(text).split()), quote=False)
    return re.sub(r"([\\`*_\[\]|#])", r"\\\1", line)


def head(
    content: Mapping[str, Any],
    result: Mapping[str, Any],
    data: Mapping[str, Any],
    forms: Mapping[str, str | None],
    languages: Sequence[str],
) -> str:
    """The YAML head: licence, task, data, metrics and scores in the hub's words."""
    from huggingface_hub import EvalResult, ModelCardData

    dataset, encoder = content["dataset"], content["encoder"]
    # the hub has none for a mixture, nor for regressions
    by_text = not forms.get("audio") and not forms.get("vision")
    task = "text-classification" if by_text else "video-classification"
    scores = [
        EvalResult(
            task_type=task,
            task_name=TASK,
            dataset_type=dataset,
            dataset_name=data.get("title", dataset),
            dataset_split="test",
            metric_type=METRICS[re.match("[a-z]+", metric)[0]],  # type: ignore[index]
            metric_name=f"{metric} of {target}",
            metric_value=score["mean"],
        )
        for target, metrics in result["targets"].items()
        for metric, score in metrics.items()
        if score["mean"] is not None
    ]
    licences = {entry["licence"] for entry in content["licences"]}
    known = LICENCES.get(licences.pop()) if len(licences) == 1 else None
    emotions = content["recipe"]["task"]["type"] != "regression"
    card = ModelCardData(
        language=[*languages] or None,
        license=known or "other",
        license_name=None if known else "those-of-data-features-and-encoder",
        library_name=LIBRARY,
        pipeline_tag=task,
        base_model=encoder["name"] if encoder and encoder["revision"] else None,
        tags=[
            "multimodal",
            "emotion-recognition" if emotions else "sentiment-analysis",
            content["model"],
        ],
        datasets=_hub_datasets(result) or [dataset],
        metrics=list(dict.fromkeys(score.metric_type for score in scores)),
        model_name=f"{label(result)} on {dataset}",
        eval_results=scores,
    )
    return card.to_yaml()


def _hub_datasets(result: Mapping[str, Any]) -> list[str]:
    """Where on the hub the raw files came from, if they did."""
    sources = [file["source"] or "" for file in result["provenance"].get("files", ())]
    found = filter(None, map(DATA_SET.fullmatch, sources))
    return sorted({match[1] for match in found})


def _scores(result: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Target, metric, mean with deviation, and interval, as text."""
    for target, metrics in result["targets"].items():
        for metric, score in metrics.items():
            mean, std = (np.nan if score[key] is None else score[key] for key in ("mean", "std"))
            ends = score["ci95"]
            interval = f"{ends[0]:.3f} to {ends[1]:.3f}" if ends else ""
            yield target, metric, spread_text(mean, std), interval
