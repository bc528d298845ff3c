"""Text without secrets: for logs, for the failures table, for whatever else leaves the process."""

import re

_MARK = "REDACTED"
_ELLIPSIS = "…"

# "=" may be percent-encoded, even twice: a URL within a URL's query. Values of JSON and of Python's dicts are quoted,
# within another text with backslashes; in a list of pairs a comma parts them from their names, in XML a tag does.
_QUOTE = r"""(?:\\{0,4}["']|%(?:25){0,3}2[27])"""
_EQUALS = rf"""(?:{_QUOTE}?\s{{0,4}}(?:[=:>]|%(?:25){{0,3}}3[ad])\s{{0,4}}|{_QUOTE}\s{{0,4}},\s{{0,4}}(?=b?{_QUOTE}))"""
_VALUE = r"""(?:b?\\{0,4}"[^"]*"?|b?\\{0,4}'[^']*'?|[^&\s"<>;]+)"""
# Possessive where a name can be long: no character of it is tried twice.
_NAMES = "|".join(
    [
        *("sig", "signature", "sharedaccesssignature", "awsaccesskeyid", "googleaccessid", "key-pair-id"),
        # Signatures of AWS and Google, whole: credential, date and token belong to them.
        r"x-(?:amz|goog)-[\w-]{1,64}+",
        r"(?:token|secret|password|passwd|passphrase|pwd)[\w-]{0,32}+",
        r"(?:account|access|api|functions|private|subscription)[_-]?key",
        # The key of an Azure function; elsewhere a code is harmless.
        "(?<=[?&])code",
    ]
)
_NAMED = re.compile(f"({_NAMES})({_EQUALS}){_VALUE}", re.IGNORECASE)
# The rest of the line, or of the quoted value: a scheme, and parameters with commas, spaces and quotes.
_HEADER = re.compile(
    rf"""((?:proxy-)?authorization|(?:set-)?cookie)({_EQUALS})"""
    r"""(?:b?\\{0,4}(?P<quote>["'])(?:(?!(?P=quote)|\\[nr]).)*(?P=quote)?|(?:(?!\\[nr]).)+)""",
    re.IGNORECASE,
)
_SPACE = r"(?:\s{1,4}|%(?:25){0,3}20)"
_SCHEME = re.compile(
    rf"\b(bearer|sharedkey|sharedkeylite)({_SPACE})[\w.~+/=:-]+|\b(basic)({_SPACE})[\w+/=]{{12,}}", re.IGNORECASE
)
_USERINFO = re.compile(r"""((?:\\?/){2})[^\s/?#"<>]*(@)""")
_ENCODED_USERINFO = re.compile(
    r"""((?P<percent>%(?:25){0,3})2f(?P=percent)2f)(?:(?!(?P=percent)(?:2f|3f|23))[^\s/?#&"<>])*((?P=percent)40)""",
    re.IGNORECASE,
)
# C0, DEL, C1, and what reorders or hides text: one line stays one line, and reads as it is.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")

#: What a table's property and a reader take of one reason.
MAX_TOLD = 4096


def redacted(text: str) -> str:
    """Text without signatures, tokens, keys, passwords and userinfo, its control characters escaped.

    Rather too much goes than too little. Cut afterwards: half a name would hide nothing.
    """
    escaped = _CONTROL.sub(_escape, text)
    without_users = _ENCODED_USERINFO.sub(rf"\1{_MARK}\3", _USERINFO.sub(rf"\1{_MARK}\2", escaped))
    without_headers = _HEADER.sub(rf"\1\2{_MARK}", without_users)
    without_schemes = _SCHEME.sub(rf"\1\3\2\4{_MARK}", without_headers)
    return _NAMED.sub(rf"\1\2{_MARK}", without_schemes)


def told(error: Exception, *, limit: int = MAX_TOLD) -> str:
    """What an error says, redacted and cut to so many characters; its class where it says nothing."""
    return cut(redacted(str(error) or repr(error)), limit)


def cut(text: str, limit: int) -> str:
    """At most ``limit`` characters; an ellipsis shows that some are missing."""
    if len(text) <= limit:
        return text
    return f"{text[: max(limit - 1, 0)]}{_ELLIPSIS}"[: max(limit, 0)]


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
