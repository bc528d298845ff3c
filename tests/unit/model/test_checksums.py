import base64
import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model.checksums import Algorithm, digest, from_hex_or_base64, from_multihash, new_hash, parse_digest

_PREFIXES = {
    Algorithm.MD5: "d50110",
    Algorithm.SHA1: "1114",
    Algorithm.SHA256: "1220",
    Algorithm.SHA512: "1340",
}


@settings(deadline=None)
@given(algorithm=st.sampled_from(Algorithm), content=st.binary(max_size=50))
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


@pytest.mark.parametrize("algorithm", Algorithm)
def test_hashes(algorithm: Algorithm) -> None:
    """Every algorithm can be computed piece by piece."""
    hashing = new_hash(algorithm)
    hashing.update(b"ab")
    hashing.update(b"c")

    assert hashing.digest() == hashlib.new(algorithm, b"abc").digest()
    assert hashing.digest_size == len(hashing.digest())
