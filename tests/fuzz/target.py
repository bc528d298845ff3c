"""What is fuzzed."""

import contextlib
import dataclasses
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from random import Random

from tests.fuzz.judging import Run


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Reads what a stranger wrote."""

    name: str
    #: Makes a case; the same for the same chance.
    make: Callable[[Random], bytes]
    #: Opens what works a case, for many of them.
    opened: Callable[[], AbstractAsyncContextManager[Run]]
    #: What may come out; whatever else does is a violation.
    allowed: tuple[type[BaseException], ...] = ()
    #: Of the cases that are asked for; less where each takes long by itself.
    share: float = 1.0

    @classmethod
    def of(
        cls,
        name: str,
        *,
        make: Callable[[Random], bytes],
        run: Run,
        allowed: tuple[type[BaseException], ...] = (),
        share: float = 1.0,
    ) -> "Target":
        """A target that keeps nothing open."""

        @contextlib.asynccontextmanager
        async def opened() -> AsyncGenerator[Run]:
            yield run

        return cls(name=name, make=make, opened=opened, allowed=allowed, share=share)

    def case(self, seed: int, number: int) -> bytes:
        """One of its cases."""
        return self.make(Random(f"{seed}/{self.name}/{number}"))


def check(promise: bool, said: str) -> None:  # noqa: FBT001 - as assert is read
    """Hold a target to its own property."""
    if not promise:
        raise AssertionError(said)
