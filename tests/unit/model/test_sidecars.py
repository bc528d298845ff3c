"""Where checksum files are, and what they say."""

import base64

import pytest
from pydantic import ValidationError

from shared.model.sidecars import check_sidecar, checksum_in, sidecar_of
from tests.unit.model.builders import dataset

_MD5 = "0123456789abcdef0123456789abcdef"
_SHA1 = "1" * 40
_SHA256 = "2" * 64
_SHA512 = "3" * 128
_HREF = "https://data.example.org/a/b%20c.tif"


@pytest.mark.parametrize(
    ("template", "href", "address"),
    [
        ("{href}.md5", _HREF, f"{_HREF}.md5"),
        ("{href}.md5", "https://h/a.tif?v=1&w=2", "https://h/a.tif.md5?v=1&w=2"),
        ("{folder}/SHA256SUMS", _HREF, "https://data.example.org/a/SHA256SUMS"),
        ("{folder}/sums/{file}.sha1", "s3://bucket/a/b.tif", "s3://bucket/a/sums/b.tif.sha1"),
        ("https://sums.example.org/{file}.md5", "https://h/a.tif?v=1", "https://sums.example.org/a.tif.md5"),
    ],
)
def test_address(template: str, href: str, address: str) -> None:
    """A checksum file is beside its asset, in its folder, or elsewhere under its name."""
    assert sidecar_of(check_sidecar(template), href) == address


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{href}", "such as {href}.md5"),
        ("{folder}", "such as {href}.md5"),
        ("{file}.md5", "such as {href}.md5"),
        ("sums.md5", "such as {href}.md5"),
        ("{href}.{kind}", "{kind} is no field"),
        ("{href!r}.md5", "stands alone"),
        ("{href:>9}.md5", "stands alone"),
        ("{href.md5", "expected '}'"),
    ],
)
def test_template_of_no_checksum_file(template: str, said: str) -> None:
    """A template that leads nowhere is refused when it is read."""
    with pytest.raises(ValueError, match=said):
        check_sidecar(template)


def _base64(hexadecimal: str) -> str:
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()


@pytest.mark.parametrize(
    ("text", "checksum"),
    [
        (_MD5, f"md5:{_MD5}"),
        (f"{_MD5.upper()}\n", f"md5:{_MD5}"),
        (f"\ufeff  {_SHA1}\r\n\r\n", f"sha1:{_SHA1}"),
        (_SHA256, f"sha256:{_SHA256}"),
        (_SHA512, f"sha512:{_SHA512}"),
        (_base64(_MD5), f"md5:{_MD5}"),
        (_base64(_SHA512), f"sha512:{_SHA512}"),
        (f"{_MD5}  -", f"md5:{_MD5}"),
        (f"{_MD5}  b c.tif\n", f"md5:{_MD5}"),
        (f"{_MD5} *b%20c.tif\n", f"md5:{_MD5}"),
        (f"{_MD5}  ./data/b c.tif", f"md5:{_MD5}"),
        (f"{_MD5}  D:\\data\\b c.tif", f"md5:{_MD5}"),
        (f"\\{_MD5}  b c.tif", f"md5:{_MD5}"),
        (f"SHA256 (b c.tif) = {_SHA256}", f"sha256:{_SHA256}"),
        (f"MD5(a/b c.tif)= {_MD5}", f"md5:{_MD5}"),
        (f"# made today\n{_SHA1}  a.tif\n{_MD5}  b c.tif\n{_SHA1}  ab c.tif\n", f"md5:{_MD5}"),
        (f"Checksums: today's\n{_MD5}  b c.tif\n", f"md5:{_MD5}"),
        (f"{_MD5}  one/b c.tif\n{_MD5}  two/b c.tif\n", f"md5:{_MD5}"),
    ],
)
def test_checksum(text: str, checksum: str) -> None:
    """One digest in hex or Base64, or the line that names the asset; which digest it is says its length."""
    assert checksum_in(text, href=_HREF, template="{href}.sum") == checksum


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing",
        "Not found",
        "404",
        "<!DOCTYPE html>\n<html>\n<body>Sign in</body></html>",
        f"{_MD5}  another.tif",
        f"{_MD5}\n{_SHA1}",
        f"{_MD5}  one/b c.tif\n{_SHA1}  two/b c.tif\n",
        _MD5[1:],
        "e3069283",
        "4waSgw==",
        "ae8b14860a799888  b c.tif",
        f"{_MD5}0",
        "\x00\x01",
    ],
)
def test_text_without_a_checksum(text: str) -> None:
    """Another file's line, two digests, an error page: none of them is the asset's checksum."""
    with pytest.raises(ValueError, match=r"^(it|what it) states"):
        checksum_in(text, href=_HREF, template="{href}.sum")


@pytest.mark.parametrize(
    ("template", "text", "checksum"),
    [
        ("{href}.md5", _MD5, f"md5:{_MD5}"),
        ("{folder}/SHA256SUMS", f"{_SHA256}  b c.tif", f"sha256:{_SHA256}"),
        ("{folder}/checksums-sha1.txt", f"{_SHA1}  b c.tif", f"sha1:{_SHA1}"),
        ("https://md5.example.org/{file}.sha512", _SHA512, f"sha512:{_SHA512}"),
        # Two names, or another digest's: by length.
        ("{href}.md5-or-sha1", _SHA256, f"sha256:{_SHA256}"),
        ("{href}.sha512-256", _SHA256, f"sha256:{_SHA256}"),
    ],
)
def test_file_named_for_its_digest(template: str, text: str, checksum: str) -> None:
    """The name of a checksum file says which digest it holds."""
    assert checksum_in(text, href="https://h/b c.tif", template=template) == checksum


def test_file_with_another_digest_than_it_is_named_for() -> None:
    """Then nobody knows what it is."""
    with pytest.raises(ValueError, match="what it states is no md5"):
        checksum_in(_SHA256, href=_HREF, template="{href}.md5")


def test_dataset_with_another_template() -> None:
    """A dataset whose checksum files can't be found isn't taken."""
    assert dataset(policy={"checksum_sidecar": "{href}.md5"}).policy.checksum_sidecar == "{href}.md5"
    with pytest.raises(ValidationError, match=r"such as \{href\}.md5"):
        dataset(policy={"checksum_sidecar": ".md5"})
