import dataclasses
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tools.infra.checks import check, read_sources
from tools.infra.project import Project, read_project


@pytest.fixture(scope="module")
def project() -> Project:
    """The project as it is."""
    return read_project(Path(__file__).resolve().parents[3])


def broken(project: Project, root: Path) -> set[tuple[str, str]]:
    """The rules that the project's own templates break, each with the file."""
    return {(each.path.name, each.rule) for each in check(read_sources(root / "infra"), project)}


def test_project(project: Project) -> None:
    """The code is read: what its functions listen to, which settings it reads, what it keeps where."""
    assert project.listened == {"discover", "copy", "copy-live", "copy-later", "publish"}
    assert "copy_asset" in project.functions
    assert {"pages", "items"} < project.containers
    assert {"SluiceStorage__credential", "AzureWebJobsStorage__clientId", "DISCOVER_SCHEDULE"} < project.settings
    assert "SluiceStorage" in project.local_settings
    assert "SluiceStorage" not in project.settings


@pytest.mark.parametrize(
    ("change", "file", "rule"),
    [
        ({"listened": frozenset({"census"})}, "storage.bicep", "drift: queue"),
        ({"tables": frozenset({"items"})}, "storage.bicep", "drift: table"),
        ({"containers": frozenset({"published"})}, "storage.bicep", "drift: container"),
        ({"functions": frozenset[str](), "sample": {}, "readme": {}}, "README.md", "drift: documents"),
        ({"azd_service": "web"}, "app.bicep", "drift: azd"),
        ({"pythons": {".python-version": "3.14"}}, "app.bicep", "drift: Python"),
        ({"queries": {}}, "alarms.bicep", "drift: query"),
        ({"queries": {"spare.kql": ""}}, "spare.kql", "drift: query"),
        ({"events": {}}, "poison.kql", "drift: query"),
        ({"events": {"gauge_queue": frozenset({"queue"})}}, "poison.kql", "drift: query"),
        ({"runbook": frozenset[str]()}, "alarms.bicep", "drift: runbook"),
        ({"alarms": frozenset[str]()}, "alarms.bicep", "drift: alarms.md"),
        ({"function_timeout_seconds": 1200}, "app.bicep", "drift: setting's value"),
    ],
)
def test_code_changed(project: Project, root: Path, change: Mapping[str, object], file: str, rule: str) -> None:
    """What changes in the code alone is noticed in the templates."""
    assert (file, rule) in broken(dataclasses.replace(project, **change), root)


@pytest.mark.parametrize("name", ["COPY_BLOCK_MIB", "DISCOVER_SCHEDULE"])
def test_documents(project: Project, root: Path, name: str) -> None:
    """A setting that the sample and README state differently, or that one of them lacks, is noticed."""
    other = {**project.readme, name: "another"}
    without = {key: value for key, value in project.sample.items() if key != name}

    assert broken(dataclasses.replace(project, readme=other), root) == {("README.md", "drift: documents")}
    assert broken(dataclasses.replace(project, sample=without), root) == {
        ("local.settings.sample.json", "drift: documents")
    }


def test_chosen(project: Project, root: Path, tmp_path: Path) -> None:
    """Whoever deploys may choose another value in the .bicepparam file, within the code's bounds."""
    values = shutil.copytree(root / "infra", tmp_path / "infra") / "main.bicepparam"
    written = values.read_text()

    values.write_text(f"{written}param discoverSaturation = '0'\n")
    assert broken(project, tmp_path) == set()

    values.write_text(f"{written}param discoverSaturation = '-1'\n")
    assert broken(project, tmp_path) == {("app.bicep", "drift: setting's value")}


def test_unknown_document_setting(project: Project, root: Path) -> None:
    """A setting in a document that the code doesn't read is noticed."""
    more = {**project.readme, "COPY_NOTHING": "1"}

    assert broken(dataclasses.replace(project, readme=more), root) == {("README.md", "drift: documents")}


def test_nothing_deployed(project: Project, tmp_path: Path) -> None:
    """Templates that make no app are one finding."""
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra" / "main.bicep").write_text("@description('A.')\noutput AZURE_LOCATION string = 'x'\n")

    assert broken(project, tmp_path) == {("infra", "drift: part missing")}


def test_read_elsewhere(project: Project, root: Path, tmp_path: Path) -> None:
    """The documents and settings are those of the folder that is asked about."""
    for name in (
        "azure.yaml",
        "function_app.py",
        "README.md",
        "pyproject.toml",
        "datasets.toml",
        "host.json",
        ".python-version",
    ):
        shutil.copy(root / name, tmp_path)
    shutil.copytree(root / "infra" / "queries", tmp_path / "infra" / "queries")
    shutil.copytree(root / "docs", tmp_path / "docs")
    (tmp_path / "local.settings.sample.json").write_text('{"Values": {"A": "b"}}')

    assert read_project(tmp_path) == dataclasses.replace(project, sample={"A": "b"})
