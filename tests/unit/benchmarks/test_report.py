import dataclasses
from typing import Any

from benchmarks.laboratory import ArmSummary, Finding
from benchmarks.ratios import Row
from benchmarks.report import document, page

ROW = Row(
    experiment="small",
    workload="5 x 1 KiB",
    destination="Azurite",
    measure="times as fast as rclone",
    goal=">= 1.2",
    median=1.333,
    min=1.1,
    max=2.0,
    pairs=3,
    met=True,
)
ARM = ArmSummary(
    arm="Sluice",
    runs=3,
    failed=(),
    seconds=2.0,
    files_per_second=1234.5,
    mb_per_second=2.5,
    cpu_seconds=0.25,
    peak_mib=64.0,
)


def results(*rows: Row, arm: ArmSummary = ARM, scale: float = 1) -> dict[str, Any]:
    finding = Finding(
        name="small",
        title="5 x 1 KiB",
        destination="Azurite",
        load=(0.5, 1.5),
        took_seconds=12.0,
        arms=(arm,),
        rows=rows,
    )
    return document([finding], commit="abc", environment={"rclone": "v1"}, rounds=3, scale=scale, at="2026-01-01")


def test_results_hold_what_readers_look_for() -> None:
    """Rows beside the runs' costs, the machine's load, versions and commit."""
    assert results(ROW) == {
        "at": "2026-01-01",
        "commit": "abc",
        "environment": {"rclone": "v1"},
        "rounds": 3,
        "scale": 1,
        "rows": [dataclasses.asdict(ROW)],
        "experiments": [
            {
                "name": "small",
                "title": "5 x 1 KiB",
                "destination": "Azurite",
                "load": (0.5, 1.5),
                "took_seconds": 12.0,
                "arms": (dataclasses.asdict(ARM),),
            }
        ],
    }


def test_a_goal_that_is_met() -> None:
    """The page says so, with the median and the spread."""
    text = page(results(ROW))

    assert "All 1 goals are met." in text
    assert "| 5 x 1 KiB | Azurite | times as fast as rclone | >= 1.2 | 1.33 | 1.1 to 2 | yes |" in text


def test_a_goal_that_is_missed() -> None:
    """The page begins with what missed its goal, and by how much."""
    missed = dataclasses.replace(ROW, median=0.9, met=False)

    text = page(results(ROW, missed))

    assert "1 of 2 goals are missed:" in text.partition("## Goals")[0]
    assert "- 5 x 1 KiB, Azurite: times as fast as rclone is 0.9, the goal is >= 1.2" in text.partition("## Goals")[0]
    assert "| 0.9 | 1.1 to 2 | **no** |" in text


def test_what_could_not_be_measured() -> None:
    """Where runs failed the page gives the reasons, and no number."""
    nothing = dataclasses.replace(ROW, median=None, min=None, max=None, pairs=0, met=False)
    failed = dataclasses.replace(ARM, failed=("3 of 5 blobs\nare missing",), files_per_second=None)

    text = page(results(nothing, arm=failed))

    assert "- 5 x 1 KiB, Azurite: times as fast as rclone couldn't be measured: runs failed" in text
    assert "- 5 x 1 KiB, Azurite, Sluice: 3 of 5 blobs are missing" in text
    assert "| >= 1.2 | - | - to - | **no** |" in text


def test_a_goal_that_one_failure_missed() -> None:
    """A good median with a run that failed is told as the miss that it is."""
    spoilt = dataclasses.replace(ROW, met=False)

    text = page(results(spoilt, arm=dataclasses.replace(ARM, failed=("it ended with 1",))))

    assert "times as fast as rclone is 1.33, the goal is >= 1.2, and a run failed" in text


def test_clients_stand_side_by_side() -> None:
    """Each client's medians are there, with how many runs failed."""
    assert "| 5 x 1 KiB | Azurite | Sluice | 1,234 | 2.5 | 0.25 | 64 | 0 of 3 |" in page(results(ROW))


def test_the_page_says_where_it_was_measured() -> None:
    """Versions and the span of the load average."""
    text = page(results(ROW))

    assert "- rclone: v1\n- rounds: 3\n- load average: 0.5 to 1.5\n- at: 2026-01-01\n" in text


def test_smaller_workloads_are_told() -> None:
    """Figures of a trial can't be taken for those that the goals ask for."""
    assert "- scale: 0.1: workloads are smaller than the goals' own" in page(results(ROW, scale=0.1))
