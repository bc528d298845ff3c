"""Values that readers stumble over."""

import json
from random import Random

#: No case is longer, but for those of queues: what takes more than linear time is far beyond 50 ms here already.
MOST_BYTES = 32 * 1024

#: In any text.
TEXTS = (
    *("", " ", "\x00", "a\x00b", "\r\n", "\t", "\u202egnp.tif", "\u2066\u2069", "\ufeff", "\u200b", "\u0130", "\u00df"),
    *(
        ".",
        "..",
        "../..",
        "./a",
        "a/",
        "/a",
        "a//b",
        "a\\b",
        "C:\\a",
        "a.",
        "...",
        "%",
        "%2e%2e",
        "%00",
        "%ff",
        "%C0%AF",
    ),
    *("null", "None", "NaN", "true", "[]", "{}", "0", "-1", "1e309", "\u0661\u0662\u0663", "\u00b2", "\uff11", "1_000"),
    *("{}", "{0}", "{item!r}", "{key:>999999999}", "%s%n", "${jndi:ldap://a}", "'; --", "*", "?", "[a-", "(a+)+$"),
    *(
        "e\u0301",
        "\u00e9",
        "\U0001f4a3",
        "\ud7ff",
        "\ue000",
        "\uffff",
        "\U0010ffff",
        "a" * 1025,
        "b" * 2049,
        "c" * 8193,
    ),
    *("\u00e9" * 3000, "\U0001f4a3" * 2000, "a/" * 300, "../" * 300, "%41" * 400, "." * 5000, " " * 9000, "\\" * 4000),
)
HREFS = (
    *("https://data.example.org/a.tif", "http://169.254.169.254/", "file:///etc/passwd", "//evil.org/a", "https://["),
    *("https://[::1]/", "https://a@b@c/", "https://data.example.org:99999/", "https://data.example.org:x/", "s3://"),
    *("s3://bucket/key", "s3://bucket/../key", "az://account/c/k", "gs://b/a?b", "javascript:1", "https://\u2100.org/"),
    *(
        "data:,a",
        "https:a",
        "https:///a",
        "?a",
        "#a",
        "https://data.example.org/?sig=SECRET&sv=1",
        "https://e.org/\x00",
    ),
    *("https://data.example.org/" + "a" * 9000, "https://" + "a." * 4000, "https://data.example.org/?" + "a=b&" * 2000),
    *("https://xn--/", "https://xn--a-/", "https://\u0660.org", "https://data.example.org/%zz", "https://e.org/a b"),
)
TIMES = (
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"),
    *(
        "2024-02-30T00:00:00Z",
        "2024-06-01T24:00:00Z",
        "2024-06-01T12:00:60Z",
        "2024-06-01T12:00:00+23:59",
        "2024-06-01",
    ),
    *("99999-01-01T00:00:00Z", "-0001-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "2024-W01-1", "20240601T120000Z"),
    *("2024-06-01T12:00:00", "2024-06-01T12:00:00." + "9" * 400 + "Z", "Sat, 01 Jun 2024 12:00:00 GMT", "1e18"),
    *("Sat, 01 Jun 99999 12:00:00 GMT", "Mon, 01 Jan 0001 00:00:00 +2359", "Fri, 31 Dec 9999 23:59:59 -2359", "now"),
)
DIGESTS = (
    *("md5:" + "0" * 32, "md5:", ":", "sha256:zz", "sha999:00", "1220" + "0" * 64, "d50110" + "0" * 32, "f" * 40),
    *("ff" * 300, "1220", "12", "0", "\u0660" * 32, "AAAA", "AAAAAAAAAAAAAAAAAAAAAA==", "=" * 50, "1b20" + "0" * 64),
)
NUMBERS = (
    *("0", "-0", "-1", "1", "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775809"),
    *("18446744073709551616", "1" + "0" * 400, "9" * 4301, "1.5", "1e308", "1e309", "-1e309", "1e-400", "0.1e99999"),
)
#: What JSON has, and what only looks like it.
RAW = (
    *NUMBERS,
    *("null", "true", "false", "NaN", "Infinity", "-Infinity", '"\\ud800"', '"\\udc00\\ud800"', '"\\u0000"', '"\\x"'),
    *("[]", "{}", "[[]]", '{"":null}', "[null]", '"\x00"', '"\n"', "01", "+1", ".5", "'a'", "undefined", "/**/1", ""),
    *("[" * 63 + "]" * 63, "[" * 70 + "]" * 70, "[" * 30_000, '{"a":' * 8000 + "1" + "}" * 8000),
    *("[" * 5000 + "]" * 5000, '{"a":[' * 20 + "]}" * 20, '"' + "\\" * 30_000, '"' + '\\"' * 10_000 + '"'),
    *("[" + "1," * 2000 + "1]", "{" + ",".join(f'"{each}":{each}' for each in range(3000)) + "}"),
)
BYTES = (
    *(b"\x00", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\r", b"\n"),
    *(b"\r\n\r\n", b"\x1f\x8b\x08", b"<", b">", b"&", b'"', b"\\", b"%", b"{", b"[", b",", b"\t", b"<!--", b"]]>"),
    *(b"&amp;" * 2000, b"<a>" * 5000, b"<a " * 5000, b"[" * 20_000, b'"' * 20_000, b"\n" * 20_000, b"\\" * 20_000),
)


def text(chance: Random) -> str:
    """Any text that is no text for somebody."""
    return chance.choice(chance.choice((TEXTS, TEXTS, HREFS, TIMES, DIGESTS, NUMBERS)))


def raw_json(chance: Random) -> str:
    """A fragment to stand where JSON has a value."""
    if chance.random() < 0.5:
        return chance.choice(RAW)
    return json.dumps(text(chance), ensure_ascii=chance.random() < 0.5)
