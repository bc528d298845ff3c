"""What the races came to, judged by what storage has seen."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence

from demo.evidence import RowFact
from shared.model.assets import Asset
from tests.chaos.blob_log import Kind, Write
from tests.chaos.race import Race
from tests.chaos.standing import Standing

#: Of all races.
CONTESTED = 0.9

#: Item and key.
type Identity = tuple[str, str]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that was found."""

    races: Sequence[Race]
    #: By blob and SHA-256: the versions that the source has served.
    served: Mapping[str, Mapping[str, int]]
    writes: Sequence[Write]
    #: What the reader saw beside the race.
    seen: Sequence[tuple[str, Standing]]
    #: What stands there at the end.
    standing: Mapping[str, Standing]
    rows: Mapping[Identity, RowFact]
    #: The assets in poison queues, each with its reason.
    poison: Mapping[Identity, str]
    #: Messages in the lanes, and copies under way.
    outstanding: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The measures: a sentence for each case."""

    races: int
    #: Races in which two invocations staged or committed for one blob; and those where it was two processes.
    contested: int
    between_processes: int
    lost: tuple[str, ...]
    mixed: tuple[str, ...]
    lies: tuple[str, ...]
    overwritten: tuple[str, ...]
    poisoned: tuple[str, ...]
    unfinished: int

    @property
    def faults(self) -> Mapping[str, Sequence[str]]:
        """What has to be empty, by its name."""
        waiting = [f"{self.unfinished} messages or copies"] if self.unfinished else []
        return {
            "lost": self.lost,
            "mixed": self.mixed,
            "lies": self.lies,
            "overwritten": self.overwritten,
            "poisoned wrongly": self.poisoned,
            "unfinished": waiting,
        }

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong, and enough of the races were any."""
        return not any(self.faults.values()) and self.contested >= CONTESTED * self.races


def judge(evidence: Evidence) -> Verdict:
    """Judge all races."""
    assets = [asset for race in evidence.races for asset in race.assets]
    by_blob: dict[str, list[Write]] = {asset.name: [] for asset in assets}
    for each in evidence.writes:
        by_blob[each.blob].append(each)
    return Verdict(
        races=len(evidence.races),
        contested=sum(any(_is_contested(by_blob[each.name]) for each in race.assets) for race in evidence.races),
        between_processes=sum(
            any(len({write.worker for write in by_blob[each.name]}) > 1 for each in race.assets)
            for race in evidence.races
        ),
        lost=tuple(_lost(evidence, assets)),
        mixed=tuple(dict.fromkeys(_mixed(evidence))),
        lies=tuple(_lies(evidence, assets, by_blob=by_blob)),
        overwritten=tuple(map(_overwriting, filter(_overwrites, evidence.writes))),
        poisoned=tuple(f"{item} {key}: {reason}" for (item, key), reason in evidence.poison.items()),
        unfinished=evidence.outstanding,
    )


def _is_contested(writes: Sequence[Write]) -> bool:
    """As each invocation opens the source anew and finds another version there, two versions are two invocations."""
    versions = {each.version for each in writes} - {None}
    return len(versions) > 1 or len({each.worker for each in writes}) > 1


def _lost(evidence: Evidence, assets: Iterable[Asset]) -> Iterator[str]:
    for each in assets:
        if each.identity not in evidence.rows and each.identity not in evidence.poison:
            yield f"{each.name}: neither in the ledger nor in poison"


def _mixed(evidence: Evidence) -> Iterator[str]:
    """Whatever stood there at any time, whoever read it."""
    made = ((each.blob, each.made) for each in evidence.writes if each.made is not None)
    for blob, found in (*made, *evidence.seen, *evidence.standing.items()):
        if found.sha256 not in evidence.served[blob]:
            yield f"{blob}: {found.length} bytes ({found.etag}) of versions {found.versions} are none that was served"


def _lies(evidence: Evidence, assets: Iterable[Asset], *, by_blob: Mapping[str, Sequence[Write]]) -> Iterator[str]:
    for asset in assets:
        row, there = evidence.rows.get(asset.identity), evidence.standing.get(asset.name)
        if row is not None and (lie := _lie(row, asset, there=there, writes=by_blob[asset.name])):
            yield f"{asset.name}: {lie}"


def _lie(row: RowFact, asset: Asset, *, there: Standing | None, writes: Sequence[Write]) -> str | None:
    """What is wrong with a row, and how it came to be; None if it is true."""
    made = [(each.worker, each.made) for each in writes if each.made is not None]
    history = ", then ".join(f"worker {worker} made {each.etag} of {each.versions}" for worker, each in made)
    named = next((each for _, each in made if each.etag == row.etag), None)
    if row.blob != asset.name or named is None:
        return f"its row names {row.blob} with ETag {row.etag}, which never stood there: {history}"
    if not _is_true(row, named):
        said = f"{row.length} bytes with {', '.join(row.digests) or 'no digest'}"
        return f"its row says {said}; {row.etag} had {named.length} bytes: {history}"
    if there is None or there.etag != row.etag:
        return f"its row names {row.etag}, and {there.etag if there else 'nothing'} stands there: {history}"
    return None


def _is_true(row: RowFact, named: Standing) -> bool:
    return row.length == named.length and bool(row.digests) and set(row.digests) <= named.digests


def _overwrites(write: Write) -> bool:
    """Whether a commit was granted though something stood there that it didn't name."""
    is_granted = write.kind is Kind.COMMIT and write.made is not None
    return is_granted and write.replaced is not None and write.named != write.replaced


def _overwriting(write: Write) -> str:
    return f"{write.blob}: {write.replaced} was replaced by a write that named {write.named}"
