import base64
import hashlib

import pytest
from awscrt.checksums import crc32
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model.checksums import (
    Algorithm,
    digest,
    from_hex_or_base64,
    from_multihash,
    is_crc,
    new_hash,
    parse_digest,
    to_multihash,
)

_PREFIXES = {
    Algorithm.MD5: "d50110",
    Algorithm.SHA1: "1114",
    Algorithm.SHA256: "1220",
    Algorithm.SHA512: "1340",
}
_CRCS = {Algorithm.CRC32: "cbf43926", Algorithm.CRC32C: "e3069283", Algorithm.CRC64NVME: "ae8b14860a799888"}


@settings(deadline=None)
@given(algorithm=st.sampled_from(list(_PREFIXES)), content=st.binary(max_size=50))
def test_notations(algorithm: Algorithm, content: bytes) -> None:
    """Multihash, hex and Base64 of one digest are read as the same."""
    value = hashlib.new(algorithm, content).digest()
    written = f"{algorithm}:{value.hex()}"

    read = [
        digest(algorithm, value),
        from_multihash(_PREFIXES[algorithm] + value.hex()),
        from_hex_or_base64(algorithm, value.hex()),
        from_hex_or_base64(algorithm, value.hex().upper()),
        from_hex_or_base64(algorithm, base64.b64encode(value).decode()),
    ]

    assert read == [written] * len(read)
    assert parse_digest(written) == (algorithm, value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "zz",
        "122",
        "12",
        "1220",
        "1220" + "00" * 31,
        "1220" + "00" * 33,
        "1214" + "00" * 20,
        "b21020" + "00" * 32,
        "80" * 12 + "01",
        "80",
    ],
)
def test_no_multihash(text: str) -> None:
    """Odd hex, an unknown code, an endless number and a digest of another length are refused."""
    with pytest.raises(ValueError):  # noqa: PT011 - a builtin's own sentences
        from_multihash(text)


@pytest.mark.parametrize("text", ["md5:", "md5:00", "md5", "crc:00", "sha256:" + "zz" * 32, "SHA1:" + "00" * 20])
def test_no_digest(text: str) -> None:
    """An unknown algorithm, odd hex and a wrong length are refused."""
    with pytest.raises(ValueError):  # noqa: PT011 - a builtin's own sentences
        parse_digest(text)


@pytest.mark.parametrize("text", ["", "AAAA", "zz" * 16, "é" * 24, "00" * 15, "A" * 23])
def test_neither_hex_nor_base64(text: str) -> None:
    """What is no MD5 in either notation is refused."""
    with pytest.raises(ValueError):  # noqa: PT011 - a builtin's own sentences
        from_hex_or_base64(Algorithm.MD5, text)


@settings(deadline=None)
@given(crc=st.sampled_from(list(_CRCS)), content=st.binary(max_size=50))
def test_notations_of_crcs(crc: Algorithm, content: bytes) -> None:
    """Hex and Base64 of one CRC are read as the same, though four bytes have eight characters in both."""
    computed = new_hash(crc)
    computed.update(content)
    value = computed.digest()

    read = [
        digest(crc, value),
        from_hex_or_base64(crc, value.hex()),
        from_hex_or_base64(crc, value.hex().upper()),
        from_hex_or_base64(crc, base64.b64encode(value).decode()),
    ]

    assert read == [f"{crc}:{value.hex()}"] * len(read)
    assert parse_digest(read[0]) == (crc, value)


@pytest.mark.parametrize("text", ["", "AAAAAA==-3", "AAAAAA", "zzzzzzzz", "0000000", "00000000=", "é" * 8])
def test_neither_hex_nor_base64_of_a_crc(text: str) -> None:
    """What is no CRC in either notation is refused."""
    with pytest.raises(ValueError):  # noqa: PT011 - a builtin's own sentences
        from_hex_or_base64(Algorithm.CRC32C, text)


@pytest.mark.parametrize(("algorithm", "checked"), _CRCS.items())
def test_crcs(algorithm: Algorithm, checked: str) -> None:
    """A CRC is computed piece by piece, and has its high byte first.

    The values are those of https://reveng.sourceforge.io/crc-catalogue/ for these nine bytes.
    """
    computed = new_hash(algorithm)
    nothing = computed.digest()
    for piece in (b"1234", b"", b"56789"):
        computed.update(piece)

    assert digest(algorithm, computed.digest()) == f"{algorithm}:{checked}"
    assert (computed.digest_size, nothing) == (len(checked) // 2, bytes(len(checked) // 2))


@given(pieces=st.lists(st.binary(max_size=50), max_size=5))
def test_crc32_as_another_library_has_it(pieces: list[bytes]) -> None:
    """However the bytes are cut."""
    computed = new_hash(Algorithm.CRC32)
    for piece in pieces:
        computed.update(piece)

    assert int.from_bytes(computed.digest()) == crc32(b"".join(pieces))


@pytest.mark.parametrize(
    ("written", "expected"),
    [("crc32:00", True), ("crc32c:00", True), ("crc64nvme:00", True), ("md5:00", False), ("blocks-sha256:8:00", False)],
)
def test_is_crc(written: str, *, expected: bool) -> None:
    """A CRC is told from a digest by its name."""
    assert is_crc(written) is expected


@pytest.mark.parametrize("algorithm", _PREFIXES)
def test_hashes(algorithm: Algorithm) -> None:
    """Every algorithm can be computed piece by piece."""
    hashing = new_hash(algorithm)
    hashing.update(b"ab")
    hashing.update(b"c")

    assert hashing.digest() == hashlib.new(algorithm, b"abc").digest()
    assert hashing.digest_size == len(hashing.digest())


@pytest.mark.parametrize("algorithm", [Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256, Algorithm.SHA512])
def test_to_multihash(algorithm: Algorithm) -> None:
    """A digest that has a multihash is read from it as it was written."""
    written = digest(algorithm, new_hash(algorithm).digest())

    found = to_multihash(written)

    assert found is not None
    assert from_multihash(found) == written


@pytest.mark.parametrize("written", ["crc32:00000000", "blocks-sha256:8:00", ""])
def test_nothing_to_write_as_multihash(written: str) -> None:
    """CRCs and digests of blocks have none."""
    assert to_multihash(written) is None
