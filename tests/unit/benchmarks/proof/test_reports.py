from pathlib import Path

import pytest

from benchmarks.proof.reports import ReportError, read_reports
from tests.unit.benchmarks.proof.made import write_reports


def test_reports_are_read(tmp_path: Path) -> None:
    """Each of its own file, and what a tool says beyond what is read does no harm."""
    found = read_reports(write_reports(tmp_path, {"names": {"templates": 6}}))

    assert found.simulation.crash_points == {"copy:blobs.put": (1000, 3, 4), "copy:ledger.write": (900, 2, 1)}
    assert (found.chaos.kills, found.names.names, found.soak.rss_mib.end) == (500, 1_000_004, 101.5)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("simulation", "first"),
        ("exhaustive", "models"),
        ("mutants", "plants"),
        ("chaos", "lost"),
        ("races", "mixed"),
        ("fuzz", "violations"),
        ("names", "names"),
        ("ssrf", "connects_outside"),
        ("soak", "flat"),
    ],
)
def test_a_missing_field(tmp_path: Path, name: str, field: str) -> None:
    """A report that lacks one is none; the error names file and field."""
    files = write_reports(tmp_path, {name: {field: None}})

    with pytest.raises(ReportError, match=rf"^--{name}: .*{name}\.json isn't such a report: {field}: Field required"):
        read_reports(files)


def test_a_figure_of_another_type(tmp_path: Path) -> None:
    """A number is a number: what only looks like one isn't taken."""
    files = write_reports(tmp_path, {"chaos": {"lost": "0"}})

    with pytest.raises(ReportError, match="lost: Input should be a valid integer"):
        read_reports(files)


def test_no_json(tmp_path: Path) -> None:
    """The error names the file."""
    files = write_reports(tmp_path)
    files["ssrf"].write_text("cases: 651")

    with pytest.raises(ReportError, match=r"^--ssrf: .* isn't such a report: all of it: Invalid JSON"):
        read_reports(files)


def test_no_file(tmp_path: Path) -> None:
    """The error names the option and the file."""
    files = write_reports(tmp_path)
    files["soak"].unlink()

    with pytest.raises(ReportError, match=r"^--soak: .*soak\.json can't be read: No such file"):
        read_reports(files)


def test_another_commit(tmp_path: Path) -> None:
    """Reports of several commits aren't one proof, unless somebody says so."""
    files = write_reports(tmp_path, {"fuzz": {"commit": "def"}})

    with pytest.raises(ReportError, match=r"several commits: simulation of abc.* fuzz of def"):
        read_reports(files)
    assert read_reports(files, allow_mixed=True).fuzz.commit == "def"


@pytest.mark.parametrize("commit", [None, "unknown", "abc, with changes"])
def test_no_commit(tmp_path: Path, commit: str | None) -> None:
    """Who doesn't say its commit, or had other files, can't be run again by anybody, unless somebody says so."""
    files = write_reports(tmp_path, {"races": {"commit": commit}, "soak": {"commit": commit}})

    with pytest.raises(ReportError, match="no commit has what these ran on: races, soak;"):
        read_reports(files)
    assert read_reports(files, allow_mixed=True).races.commit == commit
