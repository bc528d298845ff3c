"""What Sluice has to come to, written down by the generator before Sluice is started."""

import dataclasses
import json
from pathlib import Path
from typing import Self


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedAsset:
    """An asset, and the blob that it has to become."""

    #: ``collection/id``.
    item: str
    key: str
    blob: str
    #: Bytes.
    size: int
    #: Hex.
    sha256: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """An asset that can't be copied, and the error that has to say so."""

    item: str
    key: str
    #: The class of the error.
    error: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A dataset's assets and misfits."""

    dataset: str
    container: str
    items: int
    assets: tuple[ExpectedAsset, ...]
    misfits: tuple[Misfit, ...]

    @property
    def bytes(self) -> int:
        """The size of all assets together."""
        return sum(each.size for each in self.assets)

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps(dataclasses.asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what ``save`` wrote."""
        fields = json.loads(path.read_text(encoding="utf-8"))
        assets = tuple(ExpectedAsset(**each) for each in fields.pop("assets"))
        misfits = tuple(Misfit(**each) for each in fields.pop("misfits"))
        return cls(assets=assets, misfits=misfits, **fields)
