import shutil
from pathlib import Path

import pytest

from tools.infra.__main__ import main
from tools.infra.checks import GROUPS, check, read_sources
from tools.infra.mutations import Mutation, mutations, try_mutation
from tools.infra.project import Project, read_project

_ROOT = Path(__file__).resolve().parents[3]
_SAMPLES = Path(__file__).with_name("samples")
_SOURCES = read_sources(_ROOT / "infra")
# One of each kind; `python -m tools.infra` tries them all.
_MUTATIONS = {each.kind: each for each in mutations(_SOURCES)}


@pytest.fixture(scope="module")
def project() -> Project:
    """The project as it is."""
    return read_project(_ROOT)


def test_own_templates(project: Project) -> None:
    """Our own templates give no finding."""
    assert [str(each) for each in check(_SOURCES, project)] == []


@pytest.mark.parametrize("name", ["one_file", "modules"])
def test_other_templates(name: str) -> None:
    """Sound templates with what Microsoft's samples use, and ours don't, give no finding."""
    assert [str(each) for each in check(read_sources(_SAMPLES / name), None)] == []


@pytest.mark.parametrize("mutation", _MUTATIONS.values(), ids=_MUTATIONS.keys())
def test_mutations(mutation: Mutation, project: Project) -> None:
    """A fault in our templates is noticed by the check that is there for it."""
    outcome = try_mutation(mutation, project)

    assert outcome.is_caught, f"{mutation.where}: only {outcome.rules}"


def test_every_check_is_tried() -> None:
    """There are faults for every check, of forty kinds at least."""
    assert {each.check for each in _MUTATIONS.values()} == set(GROUPS)
    assert len(_MUTATIONS) >= 40


def test_main(capsys: pytest.CaptureFixture[str]) -> None:
    """A quick run prints what was checked, what was found, what was noticed and what was not checked."""
    assert main(["--quick"]) == 0

    printed = capsys.readouterr().out
    assert "infra: findings: 0\n" in printed
    assert f"infra: mutations caught: {len(_MUTATIONS)} of {len(_MUTATIONS)}\n" in printed
    assert "infra: not checked: the real compiler, what-if, a deployment, " in printed


def test_main_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A finding is printed with its place and fails the run, which then tries no faults."""
    infra = _copied(tmp_path)
    (infra / "main.bicep").write_text("param a string = {\n")

    assert main(["--quick"], root=tmp_path) == 1

    printed = capsys.readouterr().out
    assert "infra/main.bicep:1: syntax: not Bicep" in printed
    assert "infra: mutations caught: 0 of 0\n" in printed


def test_main_unnoticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A fault whose place in the templates is gone counts as one that nobody noticed, and fails the run."""
    app = _copied(tmp_path) / "modules" / "app.bicep"
    app.write_text(app.read_text().replace("minTlsVersion: '1.2'", "minTlsVersion: '1.3'"))

    assert main(["--quick"], root=tmp_path) == 1

    printed = capsys.readouterr().out
    assert "infra: findings: 0\n" in printed
    assert f"infra: mutations caught: {len(_MUTATIONS) - 1} of {len(_MUTATIONS)}\n" in printed
    assert "    not noticed: infra/modules/app.bicep: \"'1.2'\"\n" in printed


def _copied(folder: Path) -> Path:
    """Give a folder all of the project, its templates as copies; returns the templates' folder."""
    for each in _ROOT.iterdir():
        if each.name != "infra":
            (folder / each.name).symlink_to(each)
    return shutil.copytree(_ROOT / "infra", folder / "infra")
