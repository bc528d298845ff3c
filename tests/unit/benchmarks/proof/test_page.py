from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.proof.document import document, with_words
from benchmarks.proof.page import page, summary
from benchmarks.proof.reports import read_reports
from tests.unit.benchmarks.proof.made import models, plants, write_reports
from tests.unit.benchmarks.proof.test_document import BUG


def proof(folder: Path, changes: Mapping[str, Mapping[str, Any]] = {}, *, bugs: int = 1) -> Mapping[str, Any]:
    reports = read_reports(write_reports(folder, changes), allow_mixed=True)
    figures = document(reports, machine={"python": "3.13"}, date="2026-01-01")
    return with_words(figures, bugs=[BUG] * bugs)


def test_all_goals_met(tmp_path: Path) -> None:
    """The page says so, with each proof's cases and what does it again."""
    text = page(proof(tmp_path))

    assert "All of it ran at commit abc.\nAll 11 goals are met.\n" in text
    assert "| Proof | Cases | Goal | Wrong | Met | Of these |\n" in text
    assert "| simulated schedules | 1,000,000 | >= 1,000,000 | 0 | yes | 140,000,000 awaits, 1,500,000 crashes" in text
    assert "| names of blobs | `python -m tests.fuzz.names --count 1000004 --seed 6` |" in text
    assert "The seeds were 7 to 1,000,006." in text


def test_a_goal_that_is_missed(tmp_path: Path) -> None:
    """It is told first, with its numbers, and stands out in the table."""
    text = page(proof(tmp_path, {"names": {"names": 10, "violations": 3}}))

    assert "1 of 11 goals are missed:\n\n- names of blobs: 10 cases, the goal is >= 1,000,000; 3 are wrong\n" in text
    assert "| names of blobs | 10 | >= 1,000,000 | **3** | **no** |" in text


def test_several_commits(tmp_path: Path) -> None:
    """Each proof has its own beside it, or that it isn't known."""
    text = page(proof(tmp_path, {"fuzz": {"commit": "def"}, "soak": {"commit": None}}))

    lines = [each for each in text.splitlines() if each.startswith(("| fuzzed", "| assets through")) and "yes" in each]
    assert [each.rpartition(" | ")[2] for each in lines] == ["def |", "not stated |"]


def test_figures(tmp_path: Path) -> None:
    """All that was promised, in words."""
    text = page(proof(tmp_path))

    assert "| duplicates delivered | 4,002,030 |\n| lost | 0 |\n| corrupt | 0 |\n| lies of the ledger | 0 |" in text
    assert "| recovery, median | 2.5 s |\n| recovery, p99 | 21.75 s |\n| planted bugs found | 25 of 25 |" in text


def test_no_recovery(tmp_path: Path) -> None:
    """A storm in which nobody held anything when it died has no time of recovery."""
    files = write_reports(tmp_path)
    text = files["chaos"].read_text()
    files["chaos"].write_text(text.replace("2.5", "null", 1).replace("21.75", "null"))

    found = document(read_reports(files), machine={}, date="")

    assert "| recovery, p99 | nothing was held |" in page(with_words(found, bugs=[]))


def test_planted_bugs(tmp_path: Path) -> None:
    """Each with how soon it was found; one that wasn't stands out."""
    text = page(proof(tmp_path, {"mutants": plants(found=24)}))

    assert "| bug 24 | 24 | 9 of 200 | S1: it is in no queue |\n| bug 25 | **never** | 0 of 200 |  |" in text


def test_a_bug_that_a_small_model_found(tmp_path: Path) -> None:
    """It was found, though by no schedule."""
    text = page(proof(tmp_path, {"mutants": plants(found=24, model="two blocks")}))

    assert "| bug 25 | in a small model | 0 of 200 | L1 |" in text
    assert "| planted bugs found | 25 of 25 |" in text
    assert "24 by schedules, after 12.5 (median) and 24 (worst) of them, 1 by small models" in text


def test_small_models(tmp_path: Path) -> None:
    """Each with its ways; one that wasn't gone through whole says why."""
    assert "| a chain of pages | 200,000 | 3,000 | 9,000 | 31 | yes |" in page(proof(tmp_path))
    for broken, said in ([], "left off"), (["S1: a|b", "S2: c"], r"S1: a\|b; S2: c"):
        changes = {"exhaustive": models(is_whole=False, broken=broken)}
        assert f"| 31 | **no**: {said} |" in page(proof(tmp_path, changes))


def test_bugs_that_were_found(tmp_path: Path) -> None:
    """Each with what found it, what shows it, and what mended it; or that there were none."""
    found = {**proof(tmp_path), "bugs_found": [BUG.model_dump(), {**BUG.model_dump(), "mended_by": ""}]}

    assert "| simulator | 17 | abc |\n| a page was lost | simulator | 17 | **not yet** |" in page(found)
    assert "## Bugs that were found\n\nNone.\n" in page(proof(tmp_path, bugs=0))


def test_what_isn_t_proven(tmp_path: Path) -> None:
    """It stands on the page, and so does the machine."""
    text = page(proof(tmp_path))

    assert "## What isn't proven\n\n- Live Azure: " in text
    assert text.endswith("## Where\n\n- python: 3.13\n- date: 2026-01-01\n")


def test_summary(tmp_path: Path) -> None:
    """README has the cases of each proof, and what was promised to be nothing."""
    lines = summary(proof(tmp_path, {"ssrf": {"not_reached": 2}})).splitlines()

    assert lines[:3] == ["| Tried | Cases | Wrong |", "| --- | --- | --- |", "| simulated schedules | 1,000,000 | 0 |"]
    assert "| addresses that lead astray | 651 | **2** |" in lines
    assert lines[-2] == (
        "25 of 25 planted bugs found, 4,002,030 duplicates delivered, 0 lost, 0 corrupt, 0 lies of the ledger, "
        "0 poisoned wrongly; at commit abc."
    )
    assert lines[-1] == "How to run each again, and what isn't proven: [docs/proof.md](docs/proof.md)."
