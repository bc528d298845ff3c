"""After a storm: until all is quiet, and what there is to be seen then."""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from tests.chaos.storm.canary import search
from tests.chaos.storm.checker import Evidence, Poisoned, is_by_kills
from tests.chaos.storm.gathering import (
    outstanding,
    published_items,
    read_blobs,
    read_ledger,
    read_poison,
    run_states,
)
from tests.chaos.storm.plan import File, Identity
from tests.chaos.storm.stage import Stage, ask

_CALM_SECONDS = 240.0
#: How often what hosts put aside is sent back.
_ROUNDS = 3


def calm_down(stage: Stage) -> None:
    """Wait until all is done that was asked for; send back what hosts put aside because of deaths, and wait again."""
    for _ in range(_ROUNDS):
        _wait_until_quiet(stage)
        found = _read_poison(stage)
        sent_back = [each for each in found if is_by_kills(each)]
        stage.poison += [each for each in found if each not in sent_back]
        stage.sent_back += sent_back
        failed = [name for name, state in run_states(stage.storage).items() if state.startswith("failed")]
        if not sent_back and not failed:
            break
        for name in failed:
            ask(stage, f"datasets/{name}/runs", {})
    stage.ended = time.monotonic()
    states = run_states(stage.storage)
    stage.unfinished += [f"run of {name}: {states.get(name)}" for name in stage.runs if states.get(name) != "complete"]


def evidence_of(stage: Stage) -> Evidence:
    """Read everything there is."""
    blobs = [each.blob for each in stage.attempted.values()]
    rows = read_ledger(stage.storage)
    history = stage.doors.history
    sent = {identity for each in history.sent for identity in each.assets}
    acknowledged = {each.identity for name in stage.runs for each in stage.plan.files[name]} | sent | stage.told
    return Evidence(
        attempted=stage.attempted,
        acknowledged=frozenset(acknowledged),
        served=stage.source.served,
        history=history,
        seen=tuple(stage.watch.seen),
        standing=read_blobs(stage.storage, blobs),
        rows=rows,
        published=published_items(stage.storage),
        whole=frozenset(_whole_items(stage, rows)),
        poison=stage.poison,
        sent_back=stage.sent_back,
        unfinished=stage.unfinished,
        secrets=search(stage.storage, [*stage.fleet.logs, *stage.fleet.texts]),
    )


def _wait_until_quiet(stage: Stage) -> None:
    """Until no queue holds a message, no run goes on and no copy is under way, twice in a row."""
    deadline, quiet = time.monotonic() + _CALM_SECONDS, 0
    left: list[str] = []
    while quiet < 2:
        if time.monotonic() > deadline:
            stage.unfinished += left
            return
        time.sleep(1)
        left = list(_left(stage))
        quiet = 0 if left else quiet + 1


def _left(stage: Stage) -> Iterator[str]:
    yield from (f"{count} messages in {name}" for name, count in outstanding(stage.storage).items() if count)
    if count := stage.in_flight():
        yield f"{count} copies are under way"


def _read_poison(stage: Stage) -> list[Poisoned]:
    ids: defaultdict[str, set[str]] = defaultdict(set)
    for text, own in stage.own.items():
        ids[text] |= own
    for each in stage.doors.history.sent:
        ids[each.text].add(each.message)
    return list(read_poison(stage.storage, deliveries=stage.deliveries(), ids=ids, is_sent_back=is_by_kills))


def _whole_items(stage: Stage, rows: Mapping[Identity, Any]) -> Iterator[tuple[str, str]]:
    """Those of which every file has a row."""
    items: defaultdict[tuple[str, str], list[File]] = defaultdict(list)
    for each in stage.attempted.values():
        items[each.dataset, each.item].append(each)
    for name, files in items.items():
        if all(each.identity in rows for each in files):
            yield name
