"""No secret passes, whatever it stands in."""

import string
import time
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.redaction import cut, redacted

#: A secret as keys and signatures are: Base64, or hex, or what a browser would make of them.
_SECRET = st.text(string.ascii_letters + string.digits + "+/=-_.~", min_size=8, max_size=64).map(
    lambda text: f"c4n4ry{text}"
)
_QUERY_NAMES = (
    *("sig", "Signature", "X-Amz-Signature", "X-Amz-Security-Token", "X-Amz-Credential", "X-Goog-Signature"),
    *("X-Goog-Credential", "token", "access_token", "refresh_token", "id_token", "api_key", "apikey", "code"),
    *("client_secret", "password", "pwd", "AWSAccessKeyId", "GoogleAccessId", "Key-Pair-Id", "subscription-key", "SIG"),
)
_OTHER_NAMES = (
    *("AccountKey", "SharedAccessKey", "SharedAccessSignature", "account_key", "AWS_SECRET_ACCESS_KEY"),
    *("accessToken", "clientSecret", "PGPASSWORD", "Ocp-Apim-Subscription-Key", "x-functions-key", "X-Api-Key"),
)
_TEMPLATES = (
    *(f"https://h.example/a.tif?sv=2024&{name}={{percent}}&se=2030" for name in _QUERY_NAMES),
    *(f"GET /a?{name}={{plain}} HTTP/1.1" for name in _QUERY_NAMES),
    *(f"/go?to=https%3A%2F%2Fh%2Fa%3Fb%26{name}%3D{{percent}}&x=1" for name in _QUERY_NAMES if name != "code"),
    *(f"to=h%253F{name}%253D{{twice}}" for name in _QUERY_NAMES if name != "code"),
    *(f"{name}={{plain}};EndpointSuffix=core.windows.net" for name in _OTHER_NAMES),
    *(f'{{{{"{name}": "{{plain}}", "a": 1}}}}' for name in (*_QUERY_NAMES[:-1], *_OTHER_NAMES) if name != "code"),
    *(f"{{{{'{name}': '{{plain}}'}}}}" for name in (*_QUERY_NAMES[:-1], *_OTHER_NAMES) if name != "code"),
    *(f'"{{{{\\"{name}\\": \\"{{plain}}\\"}}}}"' for name in _OTHER_NAMES),
    *(f"[('{name}', '{{plain}}')]" for name in ("sig", *_OTHER_NAMES)),
    *(f"<{name}>{{plain}}</{name}>" for name in _OTHER_NAMES),
    *(f"Authorization: {scheme} {{plain}}" for scheme in ("Bearer", "Basic", "SharedKey account:", "AWS4-HMAC a=b,")),
    "{{'Authorization': 'Bearer {plain}', 'Accept': '*/*'}}",
    "(b'Authorization', b'Bearer {plain}')",
    '{{"proxy-authorization":"Basic {plain}"}}',
    "the token was refused: bearer {plain}",
    "Cookie: session={plain}; other={plain}",
    "Set-Cookie: a={plain}; HttpOnly",
    'Cookie: a="quoted"; b={plain}',
    "{{'Cookie': 'a=\"quoted\"; b={plain}'}}",
    'Authorization: Digest username="user", response="{plain}"',
    "to=%2Fa&header=Bearer%20{plain}",
    "http:\\/\\/user:{plain}@h.example\\/a",
    "https://user:{plain}@h.example/a",
    "https://{plain}@h.example/a",
    "https://user:{colon}@h.example:8443/a",
    "https://user:it's{plain}@h.example/a",
    "https://user:{percent}@h.example/a",
    "to=https%3A%2F%2Fuser%3A{twice}%40h.example%2Fa",
    "to=https%253A%252F%252Fuser%253A{thrice}%2540h.example",
    "amqp://user:{plain}@h/a and https://h/b",
)
# A raw "/" ends the authority of a URL, "?" and "#" too: nobody takes what follows for userinfo.
_IN_AUTHORITY = ("//user:{plain}@", "\\/\\/user:{plain}@", "//user:it's{plain}@", "//{plain}@")


@pytest.mark.parametrize("template", _TEMPLATES)
@settings(max_examples=25, deadline=None)
@given(secret=_SECRET, before=st.text(max_size=20), after=st.text(max_size=20))
def test_no_secret_passes(template: str, secret: str, before: str, after: str) -> None:
    """A secret is gone from URLs, URLs in URLs, headers, connection strings and JSON, whatever is around it."""
    plain = secret.replace("/", "_") if any(each in template for each in _IN_AUTHORITY) else secret
    once = quote(secret, safe="")
    twice = quote(once, safe="")
    filled = template.format(plain=plain, percent=once, twice=twice, thrice=quote(twice), colon=f"a@{once}")

    text = redacted(f"{before} {filled} {after}")

    assert "c4n4ry" not in text


@given(st.text())
def test_one_line_that_reads_as_it_is(text: str) -> None:
    """No control character, no line break, nothing invisible and no lone surrogate is left, and it can be encoded."""
    clean = redacted(text)

    assert clean.splitlines() in ([], [clean])
    assert not set(clean) & set("\x00\x1b\x7f\x85\u200b\u202e\u2028\u2066\ufeff\ud800")
    assert clean.encode().decode() == clean


@given(st.text(string.ascii_letters + string.digits + " .,-/()äöü漢", max_size=200))
def test_harmless_text_stays(text: str) -> None:
    """Prose without a name that announces a secret stays as it is."""
    harmless = text.replace("//", "/")

    assert redacted(harmless) == harmless


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("h answered 404 for https://h/a?x=1&y=2", "h answered 404 for https://h/a?x=1&y=2"),
        ("https://h/a?sig=abc&x=1", "https://h/a?sig=REDACTED&x=1"),
        ("https://u:p@h/a", "https://REDACTED@h/a"),
        ("mail to a@b.example", "mail to a@b.example"),
        ("https://h/@user/a", "https://h/@user/a"),
        ("status code=404", "status code=404"),
        ('{"token":"abc","bytes":7}', '{"token":REDACTED,"bytes":7}'),
        ("AccountName=a;AccountKey=b==;EndpointSuffix=c", "AccountName=a;AccountKey=REDACTED;EndpointSuffix=c"),
        ("Authorization: Bearer abc\r\nHost: h", "Authorization: REDACTED\\r\\nHost: h"),
        ("{'Cookie': 'a=b', 'Accept': 'c'}", "{'Cookie': REDACTED, 'Accept': 'c'}"),
        ("<Token>abc</Token><Code>NoSuchKey</Code>", "<Token>REDACTED</Token><Code>NoSuchKey</Code>"),
        ('{\\"token\\": \\"abc\\", \\"bytes\\": 7}', '{\\"token\\": REDACTED, \\"bytes\\": 7}'),
        ("no authorization, no token, no key", "no authorization, no token, no key"),
        ("line one\nline two\ttab\x1b[31m", "line one\\nline two\\ttab\\x1b[31m"),
        ("right\u202eleft\ud800", "right\\u202eleft\\ud800"),
        ("", ""),
    ],
)
def test_redacted(text: str, clean: str) -> None:
    """What is around a secret stays, so that the text still says what happened."""
    assert redacted(text) == clean


@pytest.mark.parametrize(
    "part",
    [
        *("//", "sig", "x-amz-", "%2F%2F", "%25", "token", "authorization:", "bearer ", '"', "//a", "\\/", "bearer%20"),
        *("cookie:'", "'token','", '\\"', 'token\\\\"', "<token>"),
    ],
)
def test_no_text_is_slow(part: str) -> None:
    """A text that is made to be slow takes no second."""
    started = time.process_time()

    redacted(part * (32_768 // len(part)))

    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("limit", "short"), [(10, "abcdef"), (6, "abcdef"), (5, "abcd…"), (2, "a…"), (1, "…"), (0, ""), (-1, "")]
)
def test_cut(limit: int, short: str) -> None:
    """A text keeps to its limit and shows that it was cut."""
    assert cut("abcdef", limit) == short
