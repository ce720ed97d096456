"""The configuration once it is checked: what every other question is asked of."""

from dataclasses import dataclass
from typing import Any

DEFAULTS: dict[str, Any] = {
    "device": "auto",
    "gpu_jobs_per_device": 1,
    "batch_seeds": False,
    "log_every": 1,
    "quiet": False,
    "licences": "any",
    "paths": {
        "data": "data",
        "features": "features",
        "runs": "runs",
        "state": "state",
        "results": "results",
        "checksums": "checksums",
    },
    "encoders": {},
    "settings": {},
    "search": {},
    "robustness": False,
    "ablate": False,
    "transfer": {},
    "page": {"words": True},
    "recipes": {},
}


@dataclass(frozen=True, eq=False)  # one of them is itself alone, for what is asked once
class Config:
    """What is asked for; `msa.config.check.configure` makes it, valid.

    Attributes:
        values: config.yaml with its defaults.
        catalogue: the data recipes of the workflow by name, as they are written.
        recipes: data recipes by name, catalogue and own, over those that they extend.
        models: model recipes by name.
        pinned: encoders on the hub by name, each with its `revision`.
    """

    values: dict[str, Any]
    catalogue: dict[str, dict[str, Any]]
    recipes: dict[str, dict[str, Any]]
    models: dict[str, dict[str, Any]]
    pinned: dict[str, dict[str, Any]]

    def path(self, kind: str, *parts: str) -> str:
        """A path below one of `paths`, as Snakemake spells it."""
        return "/".join([self.values["paths"][kind].rstrip("/"), *parts])

    def raw_recipe(self, dataset: str) -> dict[str, Any]:
        """A data recipe as it is written, without what it extends."""
        own: dict[str, dict[str, Any]] = self.values["recipes"]
        return own[dataset] if dataset in own else self.catalogue[dataset]
