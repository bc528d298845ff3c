import io

from rich.console import Console

from shared.model.messages import Queue
from shared.status import QueueStatus, ReasonsStatus, StatusReport, WithholdingStatus
from sluice.status_view import view
from tests.unit.model.builders import NOON

_ERRORS = {"AssetNotFoundError": 10, "ChecksumMismatchError": 5, "ContentMismatchError": 5, "SourceRefusedError": 3}


def test_many_reasons_leave_room_for_the_queues() -> None:
    """Where poison has more reasons than a line holds, they take several, and the queue's name and counts stay."""
    report = StatusReport(
        at=NOON,
        datasets={},
        queues={"copy": QueueStatus(outstanding=7, poison=23)},
        withholding=WithholdingStatus(saturation=1.5, capacity=24, limit=36, outstanding=7, waiting={}),
        reasons={Queue.COPY.value: ReasonsStatus(seen=23, errors=_ERRORS)},
    )
    printed = io.StringIO()

    Console(file=printed, width=80).print(view(report, problems=()))

    lines = [line.rstrip() for line in printed.getvalue().splitlines()]
    found = lines.index("queue outstanding poison why, of the first 32")
    assert lines[found + 1 : found + 3] == [
        "copy            7     23 AssetNotFoundError x10, ChecksumMismatchError x5,",
        "                         ContentMismatchError x5, SourceRefusedError x3",
    ]
    assert max(map(len, lines)) <= 80
