import pytest
from running import copy_project, run_stage


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
