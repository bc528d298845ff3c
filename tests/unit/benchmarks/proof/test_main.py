import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.proof.__main__ import main
from tests.unit.benchmarks.proof.made import write_reports

_README = "# Project\n\n<!-- proof -->\nold\n<!-- /proof -->\n\nThe rest.\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project in which nothing was collected yet."""
    for folder in ("benchmarks", "docs"):
        (tmp_path / folder).mkdir()
    (tmp_path / "benchmarks" / "bugs_found.toml").write_text("bugs = []\n")
    (tmp_path / "README.md").write_text(_README)
    return tmp_path


def collecting(project: Path, changes: Mapping[str, Mapping[str, Any]] = {}) -> Sequence[str]:
    files = write_reports(project, changes)
    return ["collect", *(f"--{name}={file}" for name, file in files.items())]


def test_up_to_date() -> None:
    """The pages in the project are those that its figures have."""
    assert main(["render", "--check"]) == 0


def test_collect(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It writes the figures, the page and the table in README, and nothing else there; then the check passes."""
    assert main(collecting(project), root=project) == 0

    assert "proof: 11 of 11 goals met" in capsys.readouterr().out
    figures = json.loads((project / "benchmarks" / "proof.json").read_text())
    assert (figures["commit"], figures["schedules"], len(figures["rows"])) == ("abc", 1_000_000, 11)
    assert (project / "docs" / "proof.md").read_text().startswith("# Proof\n")
    readme = (project / "README.md").read_text()
    assert readme.startswith("# Project\n\n<!-- proof -->\n| Tried | Cases | Wrong |\n")
    assert readme.endswith("[docs/proof.md](docs/proof.md).\n<!-- /proof -->\n\nThe rest.\n")
    assert main(["render", "--check"], root=project) == 0


def test_reports_of_several_commits(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is written, unless somebody says that it may."""
    arguments = collecting(project, {"fuzz": {"commit": "def"}})

    assert main(arguments, root=project) == 1
    assert "proof: they are of several commits" in capsys.readouterr().err
    assert not (project / "benchmarks" / "proof.json").exists()

    assert main([*arguments, "--allow-mixed"], root=project) == 0
    assert json.loads((project / "benchmarks" / "proof.json").read_text())["commit"] == "abc; def"


def test_nothing_collected(project: Path) -> None:
    """Then there is nothing to render, and nothing that isn't up to date."""
    assert main(["render"], root=project) == 0
    assert main(["render", "--check"], root=project) == 0
    assert (project / "README.md").read_text() == _README


@pytest.mark.parametrize("name", ["docs/proof.md", "README.md"])
def test_a_page_that_was_edited(project: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """The check fails, changes nothing and says what to run; then it passes."""
    main(collecting(project), root=project)
    file = project / name
    edited = file.read_text().replace("1,000,000", "2,000,000")
    file.write_text(edited)

    assert main(["render", "--check"], root=project) == 1
    assert f"{file.name} not up to date; run: python -m benchmarks.proof render" in capsys.readouterr().err
    assert file.read_text() == edited

    assert main(["render"], root=project) == 0
    assert main(["render", "--check"], root=project) == 0


def test_a_page_that_is_missing(project: Path) -> None:
    """The check fails."""
    main(collecting(project), root=project)
    (project / "docs" / "proof.md").unlink()

    assert main(["render", "--check"], root=project) == 1


def test_a_place_without_a_table(project: Path) -> None:
    """Two lines of README are enough."""
    (project / "README.md").write_text(_README.replace("old\n", ""))

    assert main(collecting(project), root=project) == 0
    assert main(["render", "--check"], root=project) == 0


def test_a_bug_that_is_written_down_later(project: Path) -> None:
    """The check fails until it was rendered: then the figures and the page have it, without any run."""
    main(collecting(project), root=project)
    bug = '[[bugs]]\nwhat = "lost"\nfound_by = "storm"\nseed = "3"\nmended_by = "abc"\n'
    (project / "benchmarks" / "bugs_found.toml").write_text(bug)

    assert main(["render", "--check"], root=project) == 1
    assert main(["render"], root=project) == 0

    assert len(json.loads((project / "benchmarks" / "proof.json").read_text())["bugs_found"]) == 1
    assert "| lost | storm | 3 | abc |" in (project / "docs" / "proof.md").read_text()


@pytest.mark.parametrize("text", ["# Project\n", "# Project\n\n<!-- proof -->\nold\n"])
def test_a_readme_without_a_place(project: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    """The error says which lines are missing, and README stays as it is."""
    (project / "README.md").write_text(text)

    assert main(collecting(project), root=project) == 1
    assert "two lines, <!-- proof --> and <!-- /proof -->" in capsys.readouterr().err
    assert (project / "README.md").read_text() == text
