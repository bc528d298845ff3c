"""Copies of one file: its request is received again while it is worked, or it is asked for twice, or it changes."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from shared.model.causes import Cause
from shared.model.messages import LANES, Queue
from shared.model.rows import Run, RunState, Watermark
from shared.model.selection import plan_page
from shared.model.windows import TimeProperty
from shared.requesting import copy_requests
from shared.storage.runs import RunEntry
from shared.storage.watermarks import WatermarkEntry
from tests.simulation.account import Account
from tests.simulation.exhaustive.model import UNSEEN, Limits, Model
from tests.simulation.exhaustive.turns import SOURCE
from tests.simulation.scenario import DATASET, START, Scenario, chosen
from tests.simulation.small import Picks

_BETWEEN = timedelta(seconds=1)
_CAPACITY = 24
#: When a source changes: so soon that no clock shows it.
_MOMENT = 1e-9
_PICKS: Mapping[str, Mapping[str, Sequence[int]]] = {
    # One block, which is one Put Blob.
    "one block": {},
    # Of 65 bytes, of which a block has 64; a checksum is stated.
    "two blocks": {"size": [4]},
    # Nothing is stated and nothing hashes all of it: so a copy goes on after what is staged.
    "two blocks, resumed": {"size": [4], "states": [3], "digests": [1]},
    # Nothing is stated of it, so that all of it is read and hashed, and it changes.
    "two blocks, changing": {"size": [4], "states": [3], "changes": [1]},
    "two blocks, changing, resumed": {"size": [4], "states": [3], "digests": [1], "changes": [1]},
}


def copies_of(name: str, limits: Limits, *, causes: int = 1) -> "Copies":
    """The beginning of a model of a file."""
    return Copies(_scenario(name), limits, causes=causes)


class Copies(Model):
    """A request for a copy in its queue, of each of several runs."""

    def __init__(self, scenario: Scenario, limits: Limits, *, causes: int) -> None:
        # A source that changes is another one to whoever opens it later.
        super().__init__(scenario, limits, queues=LANES, unseen=UNSEEN - {SOURCE} if limits.changes else UNSEEN)
        page, _ = plan_page(
            scenario.pages[None], dataset_name=DATASET, dataset=scenario.datasets.named(DATASET), capacity=_CAPACITY
        )
        for number in range(causes):
            began = START + number * _BETWEEN
            run = ended_run(self.account, began=began)
            for each in copy_requests(Cause(dataset=DATASET, name=run.run, asked_at=began), page):
                self.messages.send(Queue.COPY, each.encode())


def ended_run(account: Account, *, began: datetime) -> Run:
    """A run that has asked for all, and is over."""
    run = Run(
        dataset=DATASET,
        run=f"{began:%Y%m%dT%H%M%SZ}",
        state=RunState.COMPLETE,
        trigger="request",
        began_at=began,
        progress_at=began,
    )
    account.runs.newest_runs[DATASET] = RunEntry(run=run, etag="a run's")
    watermark = Watermark(dataset=DATASET, by=TimeProperty.UPDATED, at=began, run=run.run)
    account.watermarks.entries[DATASET] = WatermarkEntry(watermark=watermark, etag="a watermark's")
    return run


def _scenario(name: str) -> Scenario:
    scenario = chosen(Picks(_PICKS[name]))
    if len(next(iter(scenario.files.values())).bodies) == 1:
        return scenario
    # No byte is the same: what is put together of two versions is none.
    bodies = b"a" * 65, b"b" * 65
    files = {
        each: dataclasses.replace(file, bodies=bodies, changes_at=(_MOMENT,)) for each, file in scenario.files.items()
    }
    return dataclasses.replace(scenario, files=files)
