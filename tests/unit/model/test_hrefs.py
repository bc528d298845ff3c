import pytest

from shared.model.hrefs import host_of, unsigned


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        ("https://h/a.tif", "https://h/a.tif"),
        ("https://h/a.tif?v=2&b=%2F+x%20y", "https://h/a.tif?v=2&b=%2F+x%20y"),
        ("https://h/a.tif#part", "https://h/a.tif"),
        ("https://user:word@h:8443/a.tif", "https://h:8443/a.tif"),
        ("https://h/a?sv=2024-11-04&sr=b&se=2030&sp=r&sig=abc%3D&v=2", "https://h/a?v=2"),
        ("https://h/a?sv=2024-11-04&sr=b&se=2030&sp=r&SIG=abc%3D", "https://h/a"),
        ("https://h/a?st=north&se=south", "https://h/a?st=north&se=south"),
        ("https://h/a?X-Amz-Signature=s&x-amz-credential=c&versionId=%2B", "https://h/a?versionId=%2B"),
        ("https://h/a?X-Goog-Signature=s&X-Goog-Expires=3&generation=1", "https://h/a?generation=1"),
        ("https://h/a?Policy=p&Signature=s&Key-Pair-Id=k&part=1", "https://h/a?part=1"),
        ("https://h/a?AWSAccessKeyId=k&Expires=1&Signature=s", "https://h/a"),
        ("https://h/a?policy=open&expires=never", "https://h/a?policy=open&expires=never"),
        ("https://h/a?access_token=t&token=t&apikey=k&api_key=k&x", "https://h/a?x"),
        ("https://h/a?%73ig=abc&sp=r&v=2", "https://h/a?v=2"),
        ("https://h/a?v=1&v=2&token=t", "https://h/a?v=1&v=2"),
    ],
)
def test_unsigned(href: str, expected: str) -> None:
    """Signatures, tokens, userinfo and fragment go; everything else stays as it is written."""
    assert unsigned(href) == expected
    assert unsigned(expected) == expected


def test_no_address() -> None:
    """What can't be parsed as an address raises ValueError."""
    with pytest.raises(ValueError, match="IPv6"):
        unsigned("https://[h/a?b")


@pytest.mark.parametrize(
    ("href", "host"),
    [("https://Data.Example.org:8443/a", "data.example.org"), ("https://[::1]/a", "::1"), ("/a", ""), ("http://[", "")],
)
def test_host(href: str, host: str) -> None:
    """A host is written in lower case; what has none gives an empty string."""
    assert host_of(href) == host
