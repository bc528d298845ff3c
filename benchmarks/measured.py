"""What a client is told, and what one run of it came to."""

import dataclasses
from collections.abc import Mapping

from benchmarks.workloads import MIB


class RunFailedError(RuntimeError):
    """A client failed, or did not do what it says; its time counts for nothing."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Sluice's settings where they matter; the defaults are the app's own."""

    #: Files that the engine alone copies at once.
    at_once: int = 24
    memory_mib: int = 256
    block_mib: int = 8
    #: Azurite computes a CRC64 of each block in JavaScript, 75 MB/s, unless an MD5 comes with it.
    block_check: str = "md5"
    saturation: float = 1.5

    def environment(self, connection_string: str) -> Mapping[str, str]:
        """As settings of the app."""
        return {
            "SluiceStorage": connection_string,
            "DATASETS_FILE": "datasets.toml",
            "COPY_MEMORY_MIB": str(self.memory_mib),
            "COPY_BLOCK_MIB": str(self.block_mib),
            "COPY_BLOCK_CHECK": self.block_check,
            "DISCOVER_SATURATION": str(self.saturation),
        }


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run that did what it should."""

    seconds: float
    cpu_seconds: float
    #: Of the process tree.
    peak_bytes: int
    #: Before the files that count, where the client says it.
    base_bytes: int | None = None

    @property
    def peak_mib(self) -> float:
        """In MiB."""
        return self.peak_bytes / MIB


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """One run that did not."""

    reason: str


type Outcome = Measured | Failed
