"""The terms of Croissant 1.1 as JSON-LD (docs.mlcommons.org/croissant): files, record sets, fields.

What has an id is called by it too.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

VERSION = "http://mlcommons.org/croissant/1.1"
CSV = "text/csv"
NPY = "https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html"
TEXT, URL, NUMBER, PLACE = "sc:Text", "sc:URL", "cr:Float64", "cr:Int64"
ARRAYS = {"f4": "cr:Float32", "f8": NUMBER}  # all else is text
# the terms of the standard that are no terms of schema.org
OWN_TERMS = """arrayShape citeAs column containedIn equivalentProperty extract field fileObject
    fileProperty fileSet format includes isArray isLiveDataset jsonPath key md5 parentField path
    recordSet references regex repeated replace samplingRate separator source subField transform"""
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    **{term: f"cr:{term}" for term in OWN_TERMS.split()},
}
SPLITS = {"train": "TrainingSplit", "valid": "ValidationSplit", "test": "TestSplit"}


def file_object(path: str, kind: str, sha256: str, size: int) -> dict[str, Any]:
    """A file by its path below the folder of the JSON-LD."""
    return {
        "@type": "cr:FileObject",
        "@id": path,
        "name": path,
        "contentUrl": path,
        "contentSize": f"{size} B",
        "encodingFormat": kind,
        "sha256": sha256,
    }


def file_set(name: str, kind: str, paths: Sequence[str]) -> dict[str, Any]:
    """Several files that a field has a record of each."""
    return {
        "@type": "cr:FileSet",
        "@id": name,
        "name": name,
        "encodingFormat": kind,
        "includes": [*paths],
    }


def record_set(name: str, fields: Sequence[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"@type": "cr:RecordSet", "@id": name, "name": name, **more, "field": [*fields]}


def field(records: str, name: str, kind: str, **more: Any) -> dict[str, Any]:
    """A field of a record set."""
    return {
        "@type": "cr:Field",
        "@id": f"{records}/{name}",
        "name": name,
        "dataType": kind,
        **more,
    }


def column(records: str, name: str, kind: str, table: str, **more: Any) -> dict[str, Any]:
    """A field that is a column of a table."""
    source = {"fileObject": {"@id": table}, "extract": {"column": name}}
    return field(records, name, kind, source=source, **more)


def array(
    records: str, name: str, rows: np.ndarray, files: str, description: str
) -> dict[str, Any]:
    """A field that is a whole file of any number of rows as these, (n, d)."""
    return field(
        records,
        name,
        ARRAYS.get(rows.dtype.str[1:], TEXT),
        description=description,
        isArray=True,
        arrayShape=f"-1,{rows.shape[1]}",
        source={"fileSet": {"@id": files}, "extract": {"fileProperty": "content"}},
    )


def splits() -> dict[str, Any]:
    """What the splits are to everybody."""
    names = {"name": TEXT, "url": URL}
    return record_set(
        "splits",
        [field("splits", name, kind) for name, kind in names.items()],
        dataType="cr:Split",
        key={"@id": "splits/name"},
        data=[
            {"splits/name": fold, "splits/url": f"{CONTEXT['cr']}{split}"}
            for fold, split in SPLITS.items()
        ],
    )
