"""Digests: what a catalog expects, and what a copy computed.

A digest is written ``<algorithm>:<hex>``. STAC's ``file:checksum`` is a multihash in hex
(https://github.com/stac-extensions/file): a code, a length, the digest; code and length are varints.
"""

import base64
import binascii
import hashlib
import zlib
from enum import StrEnum
from typing import Protocol

from awscrt.checksums import crc32c, crc64nvme


class Algorithm(StrEnum):
    """The digests that a copy can compute."""

    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA512 = "sha512"
    #: CRCs are stated by object stores. They find accidents; anybody can make other bytes with the same CRC.
    CRC32 = "crc32"
    CRC32C = "crc32c"
    CRC64NVME = "crc64nvme"


class Hash(Protocol):
    """A digest in the making, as hashlib makes them."""

    @property
    def digest_size(self) -> int:
        """Bytes of the digest."""
        ...

    def update(self, data: bytes, /) -> None:
        """Take more bytes in."""
        ...

    def digest(self) -> bytes:
        """The digest of what came in so far."""
        ...


#: How a digest of blocks' digests begins.
BLOCKS = "blocks-sha256:"

#: What computes a CRC (data, and the CRC of what came before it), and how many bytes it has. Awscrt's CRC32 is half as
#: fast as zlib's; its others are ten times as fast.
_CRCS = {Algorithm.CRC32: (zlib.crc32, 4), Algorithm.CRC32C: (crc32c, 4), Algorithm.CRC64NVME: (crc64nvme, 8)}
# A varint has at most nine bytes: https://github.com/multiformats/unsigned-varint
_MAX_VARINT = 9
# https://github.com/multiformats/multicodec/blob/master/table.csv
_MULTIHASH = {0xD5: Algorithm.MD5, 0x11: Algorithm.SHA1, 0x12: Algorithm.SHA256, 0x13: Algorithm.SHA512}


def digest(algorithm: Algorithm, value: bytes) -> str:
    """Write a digest the way messages, rows and metadata do."""
    return f"{algorithm}:{value.hex()}"


def parse_digest(text: str) -> tuple[Algorithm, bytes]:
    """Read ``<algorithm>:<hex>``; raises ValueError for an unknown algorithm, odd hex or a wrong length."""
    name, _, value = text.partition(":")
    algorithm = Algorithm(name)
    raw = bytes.fromhex(value)
    if len(raw) != new_hash(algorithm).digest_size:
        raise ValueError(f"a {algorithm} digest has {new_hash(algorithm).digest_size} bytes, not {len(raw)}")
    return algorithm, raw


def from_multihash(text: str) -> str:
    """Read a multihash in hex; raises ValueError for an unknown code, odd hex or a truncated digest."""
    raw = bytes.fromhex(text)
    code, rest = _varint(raw)
    length, value = _varint(rest)
    if code not in _MULTIHASH:
        raise ValueError(f"multihash code {code:#x} is none of {', '.join(f'{each:#x}' for each in _MULTIHASH)}")
    if len(value) != length:
        raise ValueError(f"the multihash announces {length} bytes and has {len(value)}")
    written = digest(_MULTIHASH[code], value)
    parse_digest(written)
    return written


def to_multihash(text: str) -> str | None:
    """Write ``<algorithm>:<hex>`` as a multihash in hex; None for what has none here, as a digest of blocks."""
    algorithm, _, value = text.partition(":")
    code = next((code for code, each in _MULTIHASH.items() if each == algorithm), None)
    if code is None:
        return None
    raw = bytes.fromhex(value)
    return (_as_varint(code) + _as_varint(len(raw)) + raw).hex()


def from_hex_or_base64(algorithm: Algorithm, text: str) -> str:
    """Read a digest as manifests give it, in hex or Base64; raises ValueError if it is neither."""
    size = new_hash(algorithm).digest_size
    # Four bytes have eight characters in either notation, but Base64 ends with "==" then.
    is_hex = len(text) == 2 * size and not text.endswith("=")
    try:
        raw = bytes.fromhex(text) if is_hex else base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"{text!r} is neither hex nor Base64") from error
    if len(raw) != size:
        raise ValueError(f"{text!r} has {len(raw)} bytes; {algorithm} has {size}")
    return digest(algorithm, raw)


def new_hash(algorithm: Algorithm) -> Hash:
    """Begin a digest (MD5, SHA-1 and CRCs find accidents here; they guard against no one)."""
    return _Crc(algorithm) if algorithm in _CRCS else hashlib.new(algorithm.value, usedforsecurity=False)


def is_crc(digest: str) -> bool:
    """Tell whether a written digest is a CRC: two bodies with the same one aren't taken for the same."""
    return digest.partition(":")[0] in _CRCS


class _Crc:
    """A CRC as a ``Hash``: its high byte comes first, as S3 and Google state it."""

    def __init__(self, algorithm: Algorithm) -> None:
        self._compute, self.digest_size = _CRCS[algorithm]
        self._value = 0

    def update(self, data: bytes, /) -> None:
        """Take more bytes in."""
        self._value = self._compute(data, self._value)

    def digest(self) -> bytes:
        """The CRC of what came in so far."""
        return self._value.to_bytes(self.digest_size, "big")


def _varint(raw: bytes) -> tuple[int, bytes]:
    value = 0
    for index, byte in enumerate(raw[:_MAX_VARINT]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:  # noqa: PLR2004 - the top bit says that more follows
            return value, raw[index + 1 :]
    raise ValueError("the multihash has a number that doesn't end")


def _as_varint(number: int) -> bytes:
    return bytes([number]) if number < 0x80 else bytes([number & 0x7F | 0x80]) + _as_varint(number >> 7)  # noqa: PLR2004 - the top bit says that more follows
