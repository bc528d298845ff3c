"""A storm blows: somebody dies, messages come twice, more is asked for, and all the while storage and source fail."""

import dataclasses
import http
import sys
import threading
import time
from collections.abc import Callable

from azure.storage.queue import QueueClient

from tests.chaos.storm.fleet import GRACES
from tests.chaos.storm.gathering import outstanding
from tests.chaos.storm.plan import EVENTS
from tests.chaos.storm.stage import Stage, ask, wait_for_health

_LOOK_SECONDS = 0.2
#: Fewer messages than this: more is asked for.
_LOW_WATER = 40
#: When a run that was refused is asked for again.
_REFUSED_SECONDS = 20.0
_BETWEEN_LINES_SECONDS = 30.0
_BETWEEN_DUPLICATES_SECONDS, _BETWEEN_EVENTS_SECONDS, _BETWEEN_RUNS_SECONDS = 0.5, 2.0, 0.5
#: Of all deaths: at named points, and by SIGTERM; the others come at random.
_AT_POINTS, _TERMINATED = 0.6, 0.15
_ARMED_AT_ONCE = 2
#: Between two deaths: while one worker alone is working, and while none is.
_ALONE_SECONDS, _LONGEST_WAIT_SECONDS = 2.5, 6.0
#: Messages of which one is sent again.
_LATELY = 100


def blow(stage: Stage) -> None:
    """Let it blow for as long as it is to."""
    wait_for_health(stage)
    stage.began = time.monotonic()
    stage.doors.weather.is_bad = True
    end = stage.began + stage.storm.minutes * 60
    works = [
        _Every(seconds=60 / stage.storm.kills_a_minute / 2, do=_kill_if_due),
        _Every(seconds=_BETWEEN_DUPLICATES_SECONDS, do=_send_twice),
        _Every(seconds=_BETWEEN_EVENTS_SECONDS, do=_tell),
        _Every(seconds=_BETWEEN_RUNS_SECONDS, do=_begin_runs),
        _Every(seconds=_BETWEEN_LINES_SECONDS, do=_say),
    ]
    while time.monotonic() < end and not _has_killed_enough(stage):
        for each in works:
            each.look(stage)
        time.sleep(_LOOK_SECONDS)
    stage.doors.weather.is_bad = False
    stage.doors.points.disarm()
    stage.source.lies = False


@dataclasses.dataclass(slots=True, kw_only=True)
class _Every:
    """Something that is done again and again."""

    seconds: float
    do: Callable[[Stage], None]
    next_at: float = 0.0

    def look(self, stage: Stage) -> None:
        """Do it if its time has come."""
        now = time.monotonic()
        if now >= self.next_at:
            self.next_at = max(now, self.next_at + self.seconds) if self.next_at else now + self.seconds
            self.do(stage)


def _say(stage: Stage) -> None:
    faults, rows = sum(stage.doors.weather.counts.values()), len(stage.doors.history.rows)
    said = f"{len(stage.fleet.kills)} deaths, {faults} faults, {rows} rows written"
    sys.stderr.write(f"{time.monotonic() - stage.began:5.0f} s: {said}\n")


def _kill_if_due(stage: Stage) -> None:
    """Kill somebody, or arm a point for it, where fewer have died by now than are to."""
    due = (time.monotonic() - stage.began) / 60 * stage.storm.kills_a_minute
    if len(stage.fleet.kills) + stage.doors.points.fresh < due and _may_kill(stage):
        _kill_somebody(stage)


def _may_kill(stage: Stage) -> bool:
    """Whether others go on meanwhile, or have gone on for a while: work that never goes on shows nothing."""
    deaths: dict[int, float] = {}
    for each in tuple(stage.fleet.kills):
        deaths[each.slot] = max(each.at, deaths.get(each.slot, 0))
    working = sum(at > deaths.get(slot, 0) for slot, at in tuple(stage.doors.heard.items()))
    seconds = time.time() - max(deaths.values(), default=0)
    return working > 1 or (working == 1 and seconds > _ALONE_SECONDS) or seconds > _LONGEST_WAIT_SECONDS


def _kill_somebody(stage: Stage) -> None:
    drawn = stage.chance.random()
    if drawn < _TERMINATED:
        grace = GRACES[len(stage.fleet.kills) % len(GRACES)]
        # It waits for the grace to end.
        threading.Thread(
            target=stage.fleet.terminate_any, args=(stage.chance,), kwargs={"grace_seconds": grace}, daemon=True
        ).start()
    elif drawn < _TERMINATED + _AT_POINTS and stage.doors.points.fresh < _ARMED_AT_ONCE:
        stage.doors.points.arm()
    else:
        stage.fleet.kill_any(stage.chance)


def _has_killed_enough(stage: Stage) -> bool:
    return stage.storm.most_kills is not None and len(stage.fleet.kills) >= stage.storm.most_kills


def _send_twice(stage: Stage) -> None:
    """Send a copy of a message that was sent lately: it stands in its queue, or is worked, or is done."""
    lately = [each for each in stage.doors.history.sent[-_LATELY:] if not each.queue.endswith("-poison")]
    if lately:
        sent = stage.chance.choice(lately)
        with _queue(stage, sent.queue) as queue:
            stage.own[sent.text].add(str(queue.send_message(sent.text, time_to_live=-1).id))
        stage.duplicates += 1


def _tell(stage: Stage) -> None:
    """Tell of some files by an event, now and then twice."""
    files = [each for each in stage.plan.files[EVENTS] if each.identity not in stage.attempted]
    items = list(dict.fromkeys(each.item for each in files))[:2]
    told = [each for each in files if each.item in items]
    if not told:
        return
    stage.attempted |= {each.identity: each for each in told}
    event = {"assets": [dict(each.listed) for each in told]}
    for _ in range(stage.chance.choice([1, 1, 2])):
        if ask(stage, f"events/{EVENTS}", event) == http.HTTPStatus.ACCEPTED:
            stage.told |= {each.identity for each in told}


def _begin_runs(stage: Stage) -> None:
    """Begin another run while little is to be done; once all have begun, begin some of them again.

    A run whose beginner died before its first page was sent refuses another for two minutes; whoever asks after that
    begins it. Nobody has acknowledged it before.
    """
    if sum(outstanding(stage.storage).values()) >= _LOW_WATER:
        return
    now = time.monotonic()
    left = [each for each in stage.plan.runs if each not in stage.runs and stage.refused_until.get(each, 0) < now]
    name = left[0] if left else stage.chance.choice(stage.plan.runs)
    stage.attempted |= {each.identity: each for each in stage.plan.files[name]}
    status = ask(stage, f"datasets/{name}/runs", {})
    if status == http.HTTPStatus.CONFLICT:
        stage.refused_until[name] = now + _REFUSED_SECONDS
    if status == http.HTTPStatus.ACCEPTED and name not in stage.runs:
        stage.runs.append(name)


def _queue(stage: Stage, name: str) -> QueueClient:
    return QueueClient.from_connection_string(stage.storage.connection_string, name)
