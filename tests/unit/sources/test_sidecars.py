"""Checksum files, read from their source."""

import pytest

from shared.model.errors import SluiceError, SourceRefusedError, SourceUnavailableError, UrlRefusedError
from shared.sources.sidecars import Sidecar, read_sidecar
from tests.fakes.sources import FakeSources, Version
from tests.unit.model.builders import dataset

_HREF = "https://data.example.org/a.tif"
_MD5 = "0123456789abcdef0123456789abcdef"


async def _read(*, template: str = "{href}.md5", **served: Version) -> Sidecar:
    sources = FakeSources({f"{_HREF}.{ending}": each for ending, each in served.items()})
    return await read_sidecar(sources, _HREF, template=template, dataset=dataset())


async def test_a_checksum_file_is_read() -> None:
    """Its digest is the asset's."""
    assert await _read(md5=Version(body=_MD5.encode())) == Sidecar(digest=f"md5:{_MD5}")


async def test_a_checksum_file_that_is_not_there_states_nothing() -> None:
    """And that is said."""
    assert await _read() == Sidecar(digest=None, why="there is no checksum file")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"<html>Sign in</html>", "it states none for this asset"),
        (b"\xff\xfe\x00", "what it states is no md5"),
        (b"#" * (256 * 1024 + 1), "it has more than 256 KiB"),
    ],
    ids=["page", "bytes", "long"],
)
async def test_a_checksum_file_that_cannot_be_used_states_nothing(body: bytes, why: str) -> None:
    """An error page, other bytes, or a file of any length."""
    assert await _read(md5=Version(body=body)) == Sidecar(digest=None, why=f"the checksum file can't be used: {why}")


async def test_a_checksum_file_of_the_greatest_length_is_read() -> None:
    """256 KiB are lines of some thousand files."""
    body = f"{_MD5}\n".encode().ljust(256 * 1024, b"\n")

    assert await _read(md5=Version(body=body)) == Sidecar(digest=f"md5:{_MD5}")


@pytest.mark.parametrize("error", [SourceUnavailableError("503"), SourceRefusedError("403")], ids=["down", "refused"])
async def test_could_not_tell_is_not_absent(error: SluiceError) -> None:
    """A server that can't answer now has perhaps a checksum file."""
    with pytest.raises(type(error)):
        await _read(md5=Version(error=error))


async def test_a_checksum_file_lies_within_the_allowlist() -> None:
    """Wherever a template leads to."""
    with pytest.raises(UrlRefusedError):
        await _read(template="https://evil.example.com/{file}.md5")
