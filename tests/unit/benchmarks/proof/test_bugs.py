from pathlib import Path

import pytest

from benchmarks.proof.bugs import Bug, read_bugs
from benchmarks.proof.reports import ReportError


def test_the_project_s_own(root: Path) -> None:
    """Each has all that it has to say."""
    found = read_bugs(root / "benchmarks" / "bugs_found.toml")

    assert [each for each in found if not (each.what and each.found_by and each.seed)] == []


def test_a_bug(tmp_path: Path) -> None:
    """It is a table with four fields."""
    file = tmp_path / "bugs.toml"
    file.write_text('[[bugs]]\nwhat = "lost"\nfound_by = "storm"\nseed = "seed 3"\nmended_by = "abc"\n')

    assert read_bugs(file) == [Bug(what="lost", found_by="storm", seed="seed 3", mended_by="abc")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[bugs]]\nwhat = "lost"\nfound_by = "storm"\nmended_by = "abc"\n', "bugs.0.seed: Field required"),
        ("[[bugs]]\nwhat = 1\n", "bugs.0.what: Input should be a valid string"),
        ("bugs = []\nbug = []\n", "bug: Extra inputs are not permitted"),
        ("bugs = [\n", "can't be read: "),
    ],
)
def test_less_than_a_bug(tmp_path: Path, text: str, said: str) -> None:
    """The error names the field."""
    file = tmp_path / "bugs.toml"
    file.write_text(text)

    with pytest.raises(ReportError, match=r"^bugs\.toml") as caught:
        read_bugs(file)
    assert said in str(caught.value)
