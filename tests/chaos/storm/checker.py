"""What a storm came to: what went in has come out, whole and once, and nobody lied about it."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from demo.evidence import RowFact
from tests.chaos.standing import Standing
from tests.chaos.storm.history import Commit, History, RowWrite
from tests.chaos.storm.plan import File, Identity
from tests.chaos.storm.recovery import Delivery

_FOR_EVER = "-1"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Poisoned:
    """An asset in a poison queue, or a message in one that names none."""

    queue: str
    identity: Identity | None
    #: Of its reason, where it has one: what has none was moved by a host.
    error: str | None
    #: The host's record of it, where it was a host: each delivery.
    deliveries: tuple[Delivery, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that was found, when all was quiet."""

    #: Those that were asked for, by runs or events; and those of which the asking was acknowledged.
    attempted: Mapping[Identity, File]
    acknowledged: frozenset[Identity]
    #: By blob and SHA-256: the versions that the source has given.
    served: Mapping[str, Mapping[str, int]]
    history: History
    #: What the reader saw beside the storm.
    seen: Sequence[tuple[str, Standing]]
    #: What stands there at the end.
    standing: Mapping[str, Standing]
    rows: Mapping[Identity, RowFact]
    #: Items that are published, and those that are whole.
    published: frozenset[tuple[str, str]]
    whole: frozenset[tuple[str, str]]
    #: What stands in poison at the end; before that, what hosts had put aside after deaths was sent back.
    poison: Sequence[Poisoned]
    sent_back: Sequence[Poisoned]
    #: Messages in queues, and whatever else has not ended, in words.
    unfinished: Sequence[str]
    #: Where secrets rest.
    secrets: Sequence[str]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The measures: a sentence for each case."""

    lost: tuple[str, ...]
    unexpected: tuple[str, ...]
    duplicated_effects: tuple[str, ...]
    corrupt: tuple[str, ...]
    ledger_lies: tuple[str, ...]
    overwritten: tuple[str, ...]
    poisoned_wrongly: tuple[str, ...]
    unpublished: tuple[str, ...]
    mortal: tuple[str, ...]
    secrets: tuple[str, ...]
    unfinished: tuple[str, ...]
    #: No violation: what a host put aside after as many deaths as it takes.
    poisoned_by_kills: int
    #: Nor this: what nobody acknowledged, and is there all the same.
    recovered: int

    @property
    def violations(self) -> Mapping[str, Sequence[str]]:
        """What has to be empty, by its name."""
        return {
            "lost": self.lost,
            "unexpected": self.unexpected,
            "duplicated_effects": self.duplicated_effects,
            "corrupt": self.corrupt,
            "ledger_lies": self.ledger_lies,
            "overwritten": self.overwritten,
            "poisoned_wrongly": self.poisoned_wrongly,
            "unpublished": self.unpublished,
            "mortal": self.mortal,
            "secrets": self.secrets,
            "unfinished": self.unfinished,
        }

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong."""
        return not any(self.violations.values())


def judge(evidence: Evidence) -> Verdict:
    """Judge a storm."""
    history = evidence.history
    return Verdict(
        lost=tuple(_lost(evidence)),
        unexpected=tuple(dict.fromkeys(_unexpected(evidence))),
        duplicated_effects=tuple(_duplicated(history)),
        corrupt=tuple(dict.fromkeys(_corrupt(evidence))),
        ledger_lies=(*_lies_then(history.rows), *_lies_now(evidence)),
        overwritten=tuple(_overwritten(history.commits)),
        poisoned_wrongly=tuple(_poisoned_wrongly(evidence)),
        unpublished=tuple(
            f"{dataset}: {item} is whole" for dataset, item in sorted(evidence.whole - evidence.published)
        ),
        mortal=tuple(_mortal(history)),
        secrets=tuple(dict.fromkeys([*history.secrets, *evidence.secrets])),
        unfinished=tuple(evidence.unfinished),
        poisoned_by_kills=len(evidence.sent_back),
        recovered=len(evidence.rows.keys() & evidence.attempted.keys() - evidence.acknowledged),
    )


def is_by_kills(poisoned: Poisoned) -> bool:
    """Whether a host put a message aside because of deaths.

    Its dequeue count has to explain it: at least one delivery died, and each of the others failed of what the storm
    does, was taken over by somebody else when its lease was over, or never began since its host died first.
    """
    return poisoned.error is None and any(each.died for each in poisoned.deliveries)


def _lost(evidence: Evidence) -> Iterator[str]:
    poisoned = {each.identity for each in evidence.poison}
    for each in sorted(evidence.acknowledged):
        file = evidence.attempted.get(each)
        if each not in evidence.rows and each not in poisoned:
            yield f"{file.blob if file else each}: neither in the ledger nor in poison"
        elif file is not None and each in evidence.rows and file.blob not in evidence.standing:
            yield f"{file.blob}: it has a row, and nothing stands there"


def _unexpected(evidence: Evidence) -> Iterator[str]:
    blobs = {each.blob for each in evidence.attempted.values()}
    yield from (f"a row for {each}" for each in evidence.rows if each not in evidence.attempted)
    yield from (f"the blob {each.blob}" for each in evidence.history.commits if each.blob not in blobs)
    doomed = {each.blob for each in evidence.attempted.values() if each.doom}
    yield from (f"{each}: it can't ever be copied, and was" for each in doomed if each in evidence.standing)


def _duplicated(history: History) -> Iterator[str]:
    """Two writes in a row for the same request: the second delivery should have kept what the first one wrote."""
    by_blob: defaultdict[str, list[Commit]] = defaultdict(list)
    for each in history.commits:
        by_blob[each.blob].append(each)
    for blob, commits in by_blob.items():
        for first, second in pairwise(commits):
            if first.cause == second.cause:
                by = f"host {first.slot} made {first.made.etag}, then host {second.slot} {second.made.etag}"
                yield f"{blob}: written twice for {first.cause.partition(' ')[0]}: {by}"


def _corrupt(evidence: Evidence) -> Iterator[str]:
    """Whatever stood there at any time, whoever read it."""
    made = ((each.blob, each.made) for each in evidence.history.commits)
    for blob, found in (*made, *evidence.seen, *evidence.standing.items()):
        if found.sha256 not in evidence.served.get(blob, {}):
            yield f"{blob}: {found.length} bytes ({found.etag}) of versions {found.versions} are none that was served"


def _lies_then(rows: Iterable[RowWrite]) -> Iterator[str]:
    """Rows that were not true when they were written."""
    for each in rows:
        named = next((standing for standing in each.stood if standing.etag == each.etag), None)
        if named is None:
            yield f"{each.blob}: a row of host {each.slot} named {each.etag}, which had not stood there by then"
        elif not _is_true(each.length, each.digests, named):
            yield f"{each.blob}: a row said {each.length} bytes, {' '.join(each.digests)}; it had {named.length}"


def _lies_now(evidence: Evidence) -> Iterator[str]:
    """Rows that aren't true when all is quiet."""
    for identity, row in evidence.rows.items():
        file = evidence.attempted.get(identity)
        there = evidence.standing.get(row.blob)
        if file is None or there is None:
            continue
        if row.blob != file.blob or there.etag != row.etag:
            yield f"{file.blob}: its row names {row.etag} of {row.blob}, and {there.etag} stands there"
        elif not _is_true(row.length, row.digests, there):
            yield f"{file.blob}: its row says {row.length} bytes, {' '.join(row.digests)}; it has {there.length}"


def _is_true(length: int, digests: tuple[str, ...], named: Standing) -> bool:
    return length == named.length and bool(digests) and set(digests) <= named.digests


def _overwritten(commits: Iterable[Commit]) -> Iterator[str]:
    for each in commits:
        if each.replaced is not None and each.named != each.replaced:
            yield f"{each.blob}: {each.replaced} was replaced by a write that named {each.named}"


def _poisoned_wrongly(evidence: Evidence) -> Iterator[str]:
    for each in evidence.poison:
        file = evidence.attempted.get(each.identity) if each.identity else None
        if file is not None and file.doom and each.error == file.doom:
            continue
        why = each.error or f"a host moved it: {[delivery.error for delivery in each.deliveries]}"
        yield f"{file.blob if file else each.identity} in {each.queue}: {why}"


def _mortal(history: History) -> Iterator[str]:
    """What was sent with an end to its life; the host's own move to poison has one and is no message of the app's."""
    for each in history.sent:
        if each.seconds_to_live != _FOR_EVER and not each.queue.endswith("-poison"):
            yield f"a message in {each.queue} was sent to live for {each.seconds_to_live or 'a week'}"
