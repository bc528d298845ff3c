"""The day itself: what goes wrong, up to the moment when somebody looks; and what then is typed."""

import dataclasses
import datetime as dt
from collections.abc import Callable, Mapping, Sequence

from azure.storage.blob import ContainerClient
from azure.storage.queue import QueueClient

from demo.access_log import commits, read_requests
from demo.bad_day.junk import litter
from demo.bad_day.operator import Operator, Typed
from demo.bad_day.plan import CONTAINER, DATASET, File, Trouble
from demo.bad_day.poison import Poisoned, read_all
from demo.bad_day.sabotage import Sabotage, lose_message
from demo.bad_day.site import Kill, until
from demo.bad_day.stage import Stage
from demo.status import decode_snapshot, read_snapshot, start_run

#: Longer than the runtime's poison lives.
WEEK_AND_A_DAY = dt.timedelta(days=8)

_TIMER = "preserve_poison"
_CANARY = "bad-day-canary"
#: Of all assets, when the first and the second deployment come.
_DEPLOYED_AT = (0.1, 0.3)
_COPIES_IN_FLIGHT = 3
_RUN_SECONDS = 240.0
_LOOK_SECONDS = 0.2
#: Counts of messages are approximate.
_QUIET_LOOKS = 3
_COPY_SECONDS = 90.0

type Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """What went wrong before anybody looked."""

    kills: Sequence[Kill]
    met: Mapping[Trouble, int]
    #: Poison as the runtime and the app left it.
    before: Sequence[Poisoned]
    #: After the timer.
    preserved: Sequence[Poisoned]
    #: After more than a week.
    after: Sequence[Poisoned]
    #: Whether a message that lives for a week was gone then, and one that lives for ever not.
    clock_moved: bool
    #: What somebody has deleted.
    deleted: Sequence[File]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Morning:
    """What the operator typed, and what it said."""

    status: Typed
    listed: Typed
    redriven: Typed
    dropped: Typed
    fixed: Typed
    clean: Typed
    last_status: Typed


def live_through(stage: Stage, *, say: Say, sabotage: Sabotage | None) -> Night:
    """Ask for a run, and let everything go wrong with it."""
    run = start_run(stage.site.host.url, dataset=DATASET)
    say(f"run {run} was asked for")
    litter(stage.storage.connection_string)
    say("somebody put three messages on the queues that are none of ours")
    kills = [_deploy(stage, part=part, say=say) for part in _DEPLOYED_AT]
    _wait_until_quiet(stage)
    before = read_all(stage.storage.connection_string)
    say(f"nothing is outstanding; {len(before)} messages are poison, {_mortal(before)} of them for a week")
    if sabotage is not Sabotage.TIMER:
        stage.site.fire(_TIMER)
    preserved = read_all(stage.storage.connection_string)
    say(f"the hourly timer has run: {_mortal(preserved)} of {len(preserved)} expire")
    if sabotage is Sabotage.MESSAGE:
        say(lose_message(stage.storage.connection_string))
    clock_moved = _let_time_pass(stage)
    say(f"nobody looked for {WEEK_AND_A_DAY.days} days: the storage's clock was moved")
    return Night(
        kills=kills,
        met=stage.source.met(),
        before=before,
        preserved=preserved,
        after=read_all(stage.storage.connection_string),
        clock_moved=clock_moved,
        deleted=_delete_some(stage, say=say),
    )


def put_right(stage: Stage, operator: Operator, *, say: Say) -> Morning:
    """Do what the documents say, in their order."""
    status = operator.types("status")
    listed = operator.types("poison", "list")
    stage.source.mend()
    say("the source's people were told what is wrong, and have put it right")
    redriven = operator.types("poison", "redrive", "--yes")
    dropped = operator.types("poison", "drop", "--class", "MalformedRequestError", "--yes")
    operator.types_until(_is_quiet, "status", "--json", seconds=_COPY_SECONDS)
    fixed = operator.types("census", DATASET, "--fix")
    operator.types_until(_is_quiet, "status", "--json", seconds=_COPY_SECONDS)
    return Morning(
        status=status,
        listed=listed,
        redriven=redriven,
        dropped=dropped,
        fixed=fixed,
        clean=operator.types("census", DATASET),
        last_status=operator.types("status"),
    )


def _deploy(stage: Stage, *, part: float, say: Say) -> Kill:
    """Deploy once a part of the assets is copied and others are under way."""
    wanted = part * len(stage.expected.assets)

    def is_ripe() -> bool:
        if stage.site.in_flight() < _COPIES_IN_FLIGHT:
            return False
        return len(commits(read_requests(stage.storage.log), container=CONTAINER)) >= wanted

    until(is_ripe, seconds=_RUN_SECONDS, what=f"{wanted:.0f} assets are copied and more are under way")
    kill = stage.site.deploy()
    say(f"a deployment killed host and worker with {kill.copies_in_flight} copy requests in flight")
    return kill


def _wait_until_quiet(stage: Stage) -> None:
    quiet = 0

    def is_over() -> bool:
        nonlocal quiet
        now = read_snapshot(stage.site.host.url, dataset=DATASET)
        quiet = quiet + 1 if now is not None and now.ended else 0
        return quiet >= _QUIET_LOOKS

    until(is_over, seconds=_RUN_SECONDS, what="the run ends and nothing is outstanding", every=_LOOK_SECONDS)


def _let_time_pass(stage: Stage) -> bool:
    """Move the storage's clock; tell whether it did what it has to, by two messages of its own."""
    with QueueClient.from_connection_string(stage.storage.connection_string, _CANARY) as queue:
        queue.create_queue()
        queue.send_message("for a week")
        queue.send_message("for ever", time_to_live=-1)
        stage.clock.move(WEEK_AND_A_DAY)
        left = [str(each.content) for each in queue.peek_messages(2)]
        queue.delete_queue()
    return left == ["for ever"]


def _delete_some(stage: Stage, *, say: Say) -> Sequence[File]:
    """Delete two blobs that were whole, as somebody does who tidies up."""
    victims = [each for each in stage.plan.files if each.trouble is None][:2]
    with ContainerClient.from_connection_string(stage.storage.connection_string, CONTAINER) as container:
        for each in victims:
            container.delete_blob(f"{DATASET}{each.path}")
    say(f"somebody tidied up and deleted {len(victims)} blobs")
    return victims


def _is_quiet(status: Typed) -> bool:
    if not status.out:
        return False
    (report,) = status.rows
    return decode_snapshot(report, dataset=DATASET).ended


def _mortal(poison: Sequence[Poisoned]) -> int:
    return sum(not each.stays for each in poison)
