from pathlib import Path

from benchmarks.proof.bugs import Bug
from benchmarks.proof.document import document, with_words
from benchmarks.proof.reports import read_reports
from tests.unit.benchmarks.proof.made import write_reports

BUG = Bug(what="a page was lost", found_by="simulator", seed="17", mended_by="abc")


def test_figures(tmp_path: Path) -> None:
    """What several proofs have seen is added up; seeds, commit and machine stand beside it."""
    changes = {
        "chaos": {"lost": 1, "corrupt": 2, "ledger_lies": 3, "poisoned_wrongly": 4},
        "races": {"lost": 10, "mixed": 20, "lies": 30, "poisoned_wrongly": 40},
    }

    found = document(read_reports(write_reports(tmp_path, changes)), machine={"python": "3.13"}, date="2026-01-01")

    rows, models, plants = (found.pop(name) for name in ("rows", "models", "plants"))
    assert (len(rows), len(models), len(plants)) == (11, 1, 25)
    assert found == {
        "commit": "abc",
        "date": "2026-01-01",
        "machine": {"python": "3.13"},
        "seeds": {"simulation": [7, 1_000_006], "chaos": 3, "fuzz": 5, "names": 6},
        "digest": "0123456789abcdef0123456789abcdef",
        "schedules": 1_000_000,
        "awaits": 140_000_000,
        "crashes": 1_500_000,
        "kills": 500,
        "duplicates_delivered": 4_002_030,
        "lost": 11,
        "corrupt": 22,
        "lies": 33,
        "poisoned_wrongly": 44,
        "recovery_median_seconds": 2.5,
        "recovery_p99_seconds": 21.75,
        "bugs_planted": 25,
        "bugs_caught": 25,
    }


def test_several_commits(tmp_path: Path) -> None:
    """All of them stand there, and that one isn't known."""
    files = write_reports(tmp_path, {"fuzz": {"commit": "def"}, "soak": {"commit": None}})

    found = document(read_reports(files, allow_mixed=True), machine={}, date="")

    assert found["commit"] == "abc; def; not stated"


def test_words() -> None:
    """What was written by hand stands beside the figures, in place of what stood there before."""
    found = with_words({"lost": 0, "bugs_found": [], "not_proven": []}, bugs=[BUG])

    assert found["lost"] == 0
    assert found["bugs_found"] == [
        {"what": "a page was lost", "found_by": "simulator", "seed": "17", "mended_by": "abc"}
    ]
    assert [each.partition(":")[0] for each in found["not_proven"]][:3] == [
        "Live Azure",
        "Rights",
        "The real Functions host",
    ]
