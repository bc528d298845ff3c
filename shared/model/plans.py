"""What a plan found: what a run would ask for, what that replaces, and what would be refused."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.model.assets import Asset
from shared.model.caps import Caps
from shared.model.costs import Bill
from shared.model.counts import Counts
from shared.model.datasets import OnExisting
from shared.model.items import Refusal
from shared.model.rows import RunState
from shared.model.windows import Window

_MOST_LARGE = 10
_MOST_REFUSALS = 10
#: Hosts that are told apart: those with the most assets.
_MOST_HOSTS = 10
#: Of names and reasons: a page's totals are one property of a table.
_LONGEST = 200
_SUMS = (
    *("new", "changed", "again", "unknown_size", "replaced", "replaced_bytes", "held"),
    *("requests", "parts", "pages", "puts", "looks", "refused", "refused_bytes"),
)


class _Value(BaseModel):
    # A newer version may write more beside.
    model_config = ConfigDict(frozen=True, extra="ignore")


class LargeAsset(_Value):
    """One of the largest assets that would be asked for."""

    item: str
    key: str
    bytes: int

    @classmethod
    def of(cls, asset: Asset) -> Self:
        """An asset whose size the catalog states."""
        assert asset.size is not None
        return cls(item=_fit(asset.item), key=_fit(asset.key), bytes=asset.size)


class RefusedHost(_Value):
    """A host that would be refused, and why."""

    host: str
    assets: int
    because: str


class PlanTotals(_Value):
    """What pages came to, of what would be asked for: ``Counts.sent``."""

    #: Without a row in the ledger; with one for another description; with one for this, which is asked for all the
    #: same.
    new: int = 0
    changed: int = 0
    again: int = 0
    unknown_size: int = 0
    #: Blobs that the ledger knows and that would be replaced, at most, and how many bytes these have.
    replaced: int = 0
    replaced_bytes: int = 0
    #: Assets that would fail because their blob stands there, at most: ``on_existing`` is error or immutable.
    held: int = 0
    requests: int = 0
    parts: int = 0
    pages: int = 0
    #: Calls that write blobs, and that look at them.
    puts: int = 0
    looks: int = 0
    #: Assets that no copy could ask for, and the bytes that are stated of them.
    refused: int = 0
    refused_bytes: int = 0
    hosts: tuple[RefusedHost, ...] = ()
    #: Bytes by the cloud that they come out of, where it is known.
    egress: Mapping[str, int] = {}
    largest: tuple[LargeAsset, ...] = ()
    refusals: tuple[Refusal, ...] = ()

    def plus(self, other: "PlanTotals") -> Self:
        """Both together."""
        update: dict[str, object] = {name: getattr(self, name) + getattr(other, name) for name in _SUMS}
        egress = {cloud: self.egress.get(cloud, 0) for cloud in (*self.egress, *other.egress)}
        update["egress"] = {cloud: each + other.egress.get(cloud, 0) for cloud, each in egress.items()}
        update["hosts"] = hosts_together((*self.hosts, *other.hosts))
        update["largest"] = largest((*self.largest, *other.largest))
        update["refusals"] = (*self.refusals, *other.refusals)[:_MOST_REFUSALS]
        return self.model_copy(update=update)


class Replacements(_Value):
    """What becomes of blobs that stand there, as far as the ledger knows of them."""

    on_existing: OnExisting
    #: At most: of what depends on the source's bytes the catalog may know nothing.
    replaced_at_most: int
    bytes_at_most: int
    refused_at_most: int


class CapStatus(_Value):
    """What the dataset's caps would do to the run."""

    caps: Caps
    #: Whether one run can't bring all of it.
    would_cut: bool


class PlanReport(_Value):
    """A plan as it is answered: final once ``state`` isn't running any more."""

    dataset: str
    plan: str
    state: RunState
    window: Window
    began_at: AwareDatetime
    progress_at: AwareDatetime
    ended_at: AwareDatetime | None
    #: Why it failed, or what doesn't add up; while it waits for its catalog, why.
    reason: str | None
    #: As a run counts: ``sent`` is what would be asked for.
    counts: Counts
    new: int
    changed: int
    again: int
    unknown_size: int
    replacements: Replacements
    refused_assets: int
    refused_hosts: tuple[RefusedHost, ...]
    #: Some of what the catalog lists and nobody can copy.
    refusals: tuple[Refusal, ...]
    largest: tuple[LargeAsset, ...]
    cap: CapStatus | None
    bill: Bill
    #: What was looked at and what wasn't.
    notes: Annotated[tuple[str, ...], Field(min_length=1)]


def largest(assets: Iterable[LargeAsset]) -> tuple[LargeAsset, ...]:
    """The largest few of these, each once."""
    ordered = sorted(set(assets), key=lambda each: (-each.bytes, each.item, each.key))
    return tuple(ordered[:_MOST_LARGE])


def hosts_together(hosts: Iterable[RefusedHost]) -> tuple[RefusedHost, ...]:
    """These hosts, each with one reason once; those with the most assets."""
    found: defaultdict[tuple[str, str], int] = defaultdict(int)
    for each in hosts:
        found[_fit(each.host), _fit(each.because)] += each.assets
    summed = (RefusedHost(host=host, because=because, assets=assets) for (host, because), assets in found.items())
    return tuple(sorted(summed, key=lambda each: (-each.assets, each.host, each.because))[:_MOST_HOSTS])


def some_refusals(refusals: Iterable[Refusal]) -> tuple[Refusal, ...]:
    """The first few, cut."""
    return tuple(
        Refusal(item=_fit(each.item), key=_fit(each.key), error=each.error, message=_fit(each.message))
        for each in itertools.islice(refusals, _MOST_REFUSALS)
    )


def _fit(text: str) -> str:
    """Short, and without what JSON writes in six characters."""
    return "".join(each if each.isprintable() else "?" for each in text[:_LONGEST])
