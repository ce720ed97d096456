"""Packages that only extractors need: imported when asked for, or one line that says how."""

from importlib import import_module
from typing import Any

from msa.base.errors import InputError


class Missing(InputError):
    """A package that an extractor needs is not installed."""


def load(package: str, extra: str, purpose: str) -> Any:
    """A package that only an extra of ours brings.

    Args:
        package: to import.
        extra: of pyproject.toml.
        purpose: what it is needed for, to begin the message with.

    Raises:
        Missing: it is not installed.
    """
    try:
        return import_module(package)
    except ImportError as error:
        raise missing(package, extra, purpose) from error


def missing(package: str, extra: str, purpose: str) -> Missing:
    """The error of a package that is not installed; the arguments are those of `load`."""
    return Missing(
        f'{purpose} needs the package {package}, which is not installed: pip install "msa[{extra}]"'
    )
