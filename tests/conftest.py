import pytest
from running import copy_project, run_stage


def pytest_collection_modifyitems(items):
    """What runs Snakemake takes longest and comes first, for several workers to end together."""
    items.sort(key=lambda item: not hasattr(item.module, "snakemake"))


@pytest.fixture(scope="session")
def demo_files(tmp_path_factory):
    """The demo data set's raw files."""
    folder = tmp_path_factory.mktemp("demo")
    run_stage("demo", folder)
    return folder


@pytest.fixture
def project(tmp_path):
    """A copy of the workflow that a test may run and change."""
    return copy_project(tmp_path / "project")
