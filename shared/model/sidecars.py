"""Checksum files beside assets: where they are, and what they say."""

import re
import string
from urllib.parse import unquote

from shared.model.checksums import Algorithm, from_hex_or_base64, is_crc

_FIELDS = ("href", "folder", "file")
# CRCs of one length are several: which one a file holds can't be told from it.
_TOLD_BY_LENGTH = tuple(each for each in Algorithm if not is_crc(each))
#: ``a.tif.md5``, ``SHA256SUMS``, ``checksums-sha1.txt``.
_NAMED = re.compile(r"(?<![a-z0-9])(md5|sha1|sha256|sha512)(?!-?[0-9])")
# As md5sum and shasum write them, and as they do with --tag.
_LINE = re.compile(r"\\?(?P<value>[0-9A-Za-z+/=]+)\s+\*?(?P<name>\S.*)")
_TAGGED = re.compile(r"(MD5|SHA1|SHA256|SHA512) ?\((?P<name>.+)\) ?= ?(?P<value>[0-9A-Za-z+/=]+)")


def check_sidecar(template: str) -> str:
    """Return the template if it leads to an address beside each asset; raises ValueError."""
    parsed = list(string.Formatter().parse(template))
    fields = {field for _, field, _, _ in parsed if field is not None}
    if unknown := fields.difference(_FIELDS):
        raise ValueError(f"{{{min(unknown)}}} is no field of a checksum file; these are: {', '.join(_FIELDS)}")
    if any(form or conversion for _, _, form, conversion in parsed):
        raise ValueError("a field stands alone in its braces, without format or conversion")
    if not re.match(r"\{href\}.|\{folder\}/.|https?://.", template):
        raise ValueError("a checksum file is at {href}… or {folder}/…, such as {href}.md5, or at an https:// address")
    return template


def sidecar_of(template: str, href: str) -> str:
    """The address of an asset's checksum file; the href's query goes along where the file is beside the asset."""
    path, mark, query = href.partition("?")
    folder, _, file = path.rpartition("/")
    address = template.format(href=path, folder=folder, file=file)
    return address if template.startswith("http") else f"{address}{mark}{query}"


def checksum_in(text: str, *, href: str, template: str) -> str:
    """The checksum of an asset in the text of its checksum file, as ``<algorithm>:<hex>``.

    The file holds one digest in hex or Base64, or lines of digest and name of which one is the asset's. Which digest it
    is says the template, else its length. Raises ValueError for everything else.
    """
    file = href.partition("?")[0].rpartition("/")[2]
    lines = [line.strip() for line in text.removeprefix("\ufeff").splitlines()]
    found = {_value(line, names={file, unquote(file)}) for line in lines if line and not line.startswith("#")} - {None}
    if len(found) != 1:
        raise ValueError("it states several checksums for this asset" if found else "it states none for this asset")
    return _read(str(found.pop()), named=_named(template))


def _value(line: str, *, names: set[str]) -> str | None:
    """What a line states for these names, or for none: a digest alone, or of what came by standard input."""
    match = _TAGGED.fullmatch(line) or _LINE.fullmatch(line)
    if match is None:
        return line if " " not in line else None
    name = match["name"].replace("\\", "/").rpartition("/")[2]
    return match["value"] if name in {*names, "-"} else None


def _named(template: str) -> Algorithm | None:
    """The algorithm that checksum files are named for, if it is one."""
    named = set(_NAMED.findall(template.rpartition("/")[2].lower()))
    return Algorithm(named.pop()) if len(named) == 1 else None


def _read(value: str, *, named: Algorithm | None) -> str:
    for algorithm in _TOLD_BY_LENGTH if named is None else (named,):
        try:
            return from_hex_or_base64(algorithm, value)
        except ValueError:
            continue
    raise ValueError(f"what it states is no {named or 'checksum that is known here'}")
