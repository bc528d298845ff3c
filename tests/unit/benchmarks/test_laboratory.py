from benchmarks.clients import Client
from benchmarks.experiments import Arm, experiments
from benchmarks.laboratory import ArmSummary, summary, told
from benchmarks.measured import Failed, Measured
from benchmarks.workloads import MIB, Group, Workload

ARM = Arm(label="Sluice", client=Client.PIPELINE, workload=Workload((Group(count=10, size=1000),)))
FAILED = Failed(reason="lost two files")


def measured(seconds: float) -> Measured:
    return Measured(seconds=seconds, cpu_seconds=seconds / 2, peak_bytes=64 * MIB)


def test_a_summary_is_of_what_did_not_fail() -> None:
    """Medians leave failed runs out, and their reasons stand beside them."""
    found = summary(ARM, [measured(1), FAILED, measured(3)])

    assert found == ArmSummary(
        arm="Sluice",
        runs=3,
        failed=("lost two files",),
        seconds=2,
        files_per_second=6.667,
        mb_per_second=0.007,
        cpu_seconds=1,
        peak_mib=64,
    )


def test_a_summary_of_failures() -> None:
    """Where all failed there is no figure."""
    found = summary(ARM, [FAILED])

    assert (found.seconds, found.files_per_second, found.mb_per_second, found.peak_mib) == (None, None, None, None)


def test_a_failed_run_is_told_as_one() -> None:
    """The line of progress says FAILED and why."""
    assert told(ARM, FAILED) == "Sluice: FAILED: lost two files"


def test_a_run_in_a_line() -> None:
    """The line of progress has what the run came to."""
    assert told(ARM, measured(2)) == "Sluice: 2.00 s, 5 files/s, 0 MB/s, CPU 1.00 s, peak 64 MiB"


def test_the_goals() -> None:
    """Every comparison that was promised is there, with its bound."""
    goals = {
        each.name: [(measure.goal.text, measure.title.partition(" ")[0]) for measure in each.measures]
        for each in experiments(1)
    }

    assert goals == {
        "small-pipeline": [(">= 1", "times")],
        "large-disk": [(">= 1.3", "times"), ("<= 0.25", "peak")],
        "giant-disk": [(">= 1.2", "times"), ("<= 0.5", "peak")],
        "small-engine": [("<= 2", "CPU")],
        "large-engine": [(">= 1.2", "times"), ("<= 0.25", "peak")],
        "mix": [(">= 1.2", "times")],
        "growth": [("<= 1.1", "time"), ("<= 1.1", "CPU")],
        "memory": [("<= 1.2", "peak")],
    }


def test_both_settings_of_rclone_run() -> None:
    """Its better one of 4 and 16 transfers is compared, and a plain loop runs beside."""
    for each in experiments(1)[:6]:
        assert [arm.client for arm in each.arms[1:]] == [Client.RCLONE_4, Client.RCLONE_16, Client.PLAIN]


def test_arms_of_an_experiment_have_their_own_names() -> None:
    """Outcomes are kept by label: two arms of one name would hide each other."""
    for each in experiments(0.01):
        labels = [arm.label for arm in each.arms]
        assert len(set(labels)) == len(labels)


def test_a_short_run_leaves_out_who_has_no_goal() -> None:
    """The plain loop; whatever a goal compares stays."""
    arms = {each.name: [arm.client for arm in each.short.arms] for each in experiments(0.1)}

    compared = [Client.PIPELINE, Client.RCLONE_4, Client.RCLONE_16]
    assert arms["small-pipeline"] == arms["mix"] == compared
    assert arms["growth"] == [Client.PIPELINE] * 3
    assert not any(Client.PLAIN in clients for clients in arms.values())
