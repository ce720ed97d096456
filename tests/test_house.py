"""Who may import whom: the packages of msa, in the order in which data flows."""

import ast

import grimp
import pytest
from running import ROOT

# package -> what it may import of ours, besides itself and the version in msa/__init__.py
MAY_IMPORT = {
    "base": "",
    "formats": "base",
    "models": "base",
    "results": "base",
    "data": "formats base",
    "config": "models base",
    "fetch": "config base",
    "training": "data models config formats results base",
    "report": "results data base",
    "demo": "data formats base",
    "extract": "formats base",
    "inference": "training extract report fetch data models config results formats base",
}
# they read the registries, whose entries they import by name, and only when asked
TOP = {"__main__", "closure"}


def package(module):
    return module.split(".")[1]


def trespasses(graph):
    """Imports that the table does not have, as "importer -> imported"."""
    return sorted(
        f"{importer} -> {imported}"
        for importer in graph.modules - {"msa"}
        if package(importer) not in TOP
        for imported in graph.find_modules_directly_imported_by(importer) - {"msa"}
        if package(imported) not in {package(importer), *MAY_IMPORT[package(importer)].split()}
    )


@pytest.fixture
def graph():
    return grimp.build_graph("msa", cache_dir=None)


def test_packages_import_what_they_may(graph):
    assert trespasses(graph) == []


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("msa.data.align", "msa.training.train"),
        ("msa.models.lmf", "msa.data.encoder"),
        ("msa.report.page", "msa.config.recipes"),
        ("msa.base.errors", "msa.closure"),
    ],
)
def test_a_wrong_import_is_found(graph, importer, imported):
    graph.add_import(importer=importer, imported=imported)
    assert trespasses(graph) == [f"{importer} -> {imported}"]


def test_every_package_is_in_the_table():
    folders = {path.parent.name for path in (ROOT / "msa").glob("*/__init__.py")}
    assert folders == set(MAY_IMPORT)


def test_configuration_reads_no_model(graph):
    """Only the registry: a change of a model must not plan anew, and torch takes seconds."""
    models = {module for module in graph.modules if module.startswith("msa.models.")}
    config = {module for module in graph.modules if module.startswith("msa.config")}
    assert not [m for m in config if graph.find_modules_directly_imported_by(m) & models]


def test_no_module_is_called_like_its_package():
    assert not [path for path in (ROOT / "msa").rglob("*.py") if path.stem == path.parent.name]


PACKAGES = sorted((ROOT / "msa").rglob("__init__.py"))


@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: path.parent.name)
def test_packages_re_export_nothing(path):
    body = ast.parse(path.read_text(encoding="utf-8")).body
    assert ast.get_docstring(ast.Module(body, []))
    imported = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = [alias.name for node in imported for alias in node.names]
    assert not imported or path.parent.name == "models", f"{path} imports {names}"
