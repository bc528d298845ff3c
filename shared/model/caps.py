"""How much one run may ask for, and what has been asked for of it."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.model.assets import Asset
from shared.model.counts import Counts


class Cutoff(StrEnum):
    """Where a run ends that outgrows its caps; the words are rclone's (``--cutoff-mode``), which cuts transfers off.

    https://rclone.org/docs/#cutoff-mode-hard-soft-cautious
    """

    #: Before the first part of a page that begins when a cap is reached; a part that is under way is asked for whole.
    SOFT = "soft"
    #: Before the very asset that would exceed a cap: rclone's CAUTIOUS. Its HARD, which ends transfers in their middle,
    #: has nothing like it here: what was asked for is copied.
    HARD = "hard"


class Caps(BaseModel):
    """What one run of the dataset may ask for at most; the next run goes on where a cap cut it off."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    max_assets: Annotated[int, Field(ge=1)] | None = None
    """Assets."""
    max_bytes: Annotated[int, Field(ge=1)] | None = None
    """Bytes, as the catalog states them; an asset of unknown size counts for none: cap max_assets as well."""
    cutoff: Cutoff = Cutoff.HARD
    """hard: a run ends before the asset that would exceed a cap. soft: it ends once a cap is reached, and what is under
    way by then (a part of a page) is asked for whole."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.max_assets is None and self.max_bytes is None:
            raise ValueError("state max_assets, max_bytes or both")
        return self

    def are_reached(self, spent: "Spent") -> bool:
        """Tell whether nothing more may be begun where the cut is soft."""
        return any(limit is not None and used >= limit for used, limit in self._used(spent))

    def hold(self, spent: "Spent") -> bool:
        """Tell whether so much may be asked for."""
        return all(limit is None or used <= limit for used, limit in self._used(spent))

    def _used(self, spent: "Spent") -> tuple[tuple[int, int | None], ...]:
        return (spent.assets, self.max_assets), (spent.bytes, self.max_bytes)


class Spent(BaseModel):
    """What a run has asked for: its parts before this one, and those of its passes before."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    assets: Annotated[int, Field(ge=0)] = 0
    bytes: Annotated[int, Field(ge=0)] = 0

    def with_asset(self, asset: Asset) -> "Spent":
        """These and one more asset."""
        return Spent(assets=self.assets + 1, bytes=self.bytes + (asset.size or 0))

    def with_counts(self, counts: Counts) -> "Spent":
        """These and what a part asked for."""
        return Spent(assets=self.assets + counts.sent, bytes=self.bytes + counts.sent_bytes)


def told_of(caps: Caps, spent: Spent, *, next_asset: Asset | None) -> str:
    """Why a run ended: which caps it has, what it asked for, and the way out.

    ``next_asset`` is the one that would have exceeded them; None where a cap was reached before anything was looked at.
    """
    names = {"caps.max_assets": caps.max_assets, "caps.max_bytes": caps.max_bytes}
    limits = " and ".join(f"{name} is {number}" for name, number in names.items() if number is not None)
    asked = f"{spent.assets} assets of {spent.bytes} bytes were asked for; {limits} ({caps.cutoff.value})"
    if next_asset is None:
        return f"{asked}; the next run goes on, and a higher cap lets one run bring more"
    what = f"the next asset, {next_asset.key[:200]!r} of {next_asset.item[:200]!r}, has {_size(next_asset)}"
    if caps.max_bytes is not None and (next_asset.size or 0) > caps.max_bytes:
        return f"{asked}; {what}, more than a whole run may bring: raise the cap, or leave it out by select.max_bytes"
    return f"{asked}; {what}; the next run goes on with it, and a higher cap lets one run bring more"


def _size(asset: Asset) -> str:
    return "an unknown size" if asset.size is None else f"{asset.size} bytes"
