"""Prices, as ``shared/prices.toml`` states them with their sources and dates."""

import tomllib
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

PRICES_FILE = Path(__file__).resolve().parent.parent / "prices.toml"


#: What is paid for, in the order of a bill.
PRICED = (
    *("compute, GB-s", "executions", "blob writes", "blob reads", "queue calls", "table calls"),
    *("stored, GB-months", "logs, GB"),
)


class _Stated(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    dollars: Annotated[float, Field(ge=0)]
    #: Where it was read, and when that was written.
    source: str
    date: str


class Price(_Stated):
    """Dollars for so many units."""

    units: Annotated[int, Field(ge=1)] = 1


class Egress(_Stated):
    """What the owner of a source pays for each GB that leaves a cloud over the internet."""

    cloud: str
    hosts: tuple[str, ...]


class Prices(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    price: dict[str, Price]
    egress: tuple[Egress, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if missing := [name for name in PRICED if name not in self.price]:
            raise ValueError(f"prices.toml has no price of {', '.join(missing)}; state it, 0 for what costs nothing")
        return self


def load_prices(path: Path = PRICES_FILE) -> Prices:
    """Read the file; raises ValueError where it isn't as it should be."""
    return Prices.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
