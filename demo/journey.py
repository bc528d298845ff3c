"""The run from its first request to its end, with the worker's death in its middle."""

import dataclasses
import time

from demo.judge import Check
from demo.kill import Kill, kill_when_ripe
from demo.published import Reader
from demo.servers import Stage
from demo.status import read_snapshot, start_run
from demo.view import View

_RUN_SECONDS = 150.0
_LOOK_SECONDS = 0.1
#: Every so many looks Sluice is asked for its status.
_LOOKS_A_STATUS = 5
#: Counts of messages are approximate: so many times in a row they have to say that nothing is left.
_QUIET_ANSWERS = 2


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """How the run went."""

    seconds: float
    #: Whether it ended in time.
    ended: bool
    kill: Kill | None
    reader: Reader

    @property
    def checks(self) -> tuple[Check, ...]:
        """Whether it went as planned, and was seen to."""
        objections = self.reader.objections if self.reader.seen else ["nothing was published"]
        seen = Check(
            claim=f"a reader who looked at {self.reader.seen} items as they were published found no asset missing",
            objections=tuple(objections),
        )
        return self._check, seen

    @property
    def _check(self) -> Check:
        planned = (("it did not end", self.ended), ("no worker was killed", self.kill is not None))
        return Check(
            claim=f"the run was over within {_RUN_SECONDS:.0f} s, and the worker was killed in its middle",
            objections=tuple(objection for objection, went_well in planned if not went_well),
        )


def travel(running: Stage, *, view: View) -> Journey:
    """Ask for a run and watch it to its end, killing the worker on the way."""
    began = time.monotonic()
    run = start_run(running.host.url, dataset=running.expected.dataset)
    view.say(f"run {run} was asked for")
    reader = Reader(running.storage.connection_string, container=running.expected.container)
    kill: Kill | None = None
    quiet = looks = 0
    with view.live(), reader.reading():
        while quiet < _QUIET_ANSWERS and time.monotonic() - began < _RUN_SECONDS:
            if kill is None and (kill := kill_when_ripe(running)):
                view.say(kill.sentence)
            if looks % _LOOKS_A_STATUS == 0 and (
                now := read_snapshot(running.host.url, dataset=running.expected.dataset)
            ):
                view.show(now, expected=running.expected)
                quiet = quiet + 1 if now.ended else 0
            looks += 1
            time.sleep(_LOOK_SECONDS)
    return Journey(seconds=time.monotonic() - began, ended=quiet == _QUIET_ANSWERS, kill=kill, reader=reader)
