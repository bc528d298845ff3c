import pytest

from shared.model.hrefs import ObjectAddress, host_of, joined, unsigned
from shared.model.names import path_of


@pytest.mark.parametrize(
    ("href", "address"),
    [
        ("s3://bucket/a/b.tif", ("s3", "bucket", "a/b.tif")),
        ("S3://my.bucket_1/a b/c%20d+é.tif", ("s3", "my.bucket_1", "a b/c%20d+é.tif")),
        ("gs://bucket/a", ("gs", "bucket", "a")),
        ("az://account/container/a/b", ("az", "account/container", "a/b")),
        ("az://account/$web/a", ("az", "account/$web", "a")),
    ],
)
def test_read(href: str, address: tuple[str, str, str]) -> None:
    """Bucket and key are what stands there: a key has no escapes."""
    assert ObjectAddress.read(href) == ObjectAddress(scheme=address[0], bucket=address[1], key=address[2])


@pytest.mark.parametrize("href", ["https://h/a", "http://h/a", "s3:bucket/a", "a/b", "", "blob://c/a"])
def test_other(href: str) -> None:
    """What names no object store is left to others."""
    assert ObjectAddress.read(href) is None


@pytest.mark.parametrize(
    ("href", "said"),
    [
        ("s3://bucket", "s3://bucket/key"),
        ("s3://bu/a", "s3://bucket/key"),
        ("s3://Bucket/a", "s3://bucket/key"),
        ("s3://a..b/a", "s3://bucket/key"),
        ("s3://-ab/a", "s3://bucket/key"),
        ("s3://key:secret@bucket/a", "s3://bucket/key"),
        ("s3://bucket:80/a", "s3://bucket/key"),
        ("s3://evil.org#.bucket/a", "s3://bucket/key"),
        ("az://account/a", "az://account/container/key"),
        ("az://account/Container/a", "az://account/container/key"),
        ("az://my-account/container/a", "az://account/container/key"),
        ("s3://bucket/", "no empty part"),
        ("s3://bucket//a", "no empty part"),
        ("s3://bucket/a/", "no empty part"),
        ("s3://bucket/a/../b", "no empty part"),
        ("s3://bucket/./a", "no empty part"),
        (f"s3://bucket/{'é' * 513}", "1024 bytes"),
        ("s3://bucket/a?versionId=1", "can't be asked for"),
        ("s3://bucket/a#b", "can't be asked for"),
        ("s3://bucket/a\nb", "can't be asked for"),
        ("s3://bucket/\ud800", "surrogates not allowed"),
    ],
)
def test_unfit(href: str, said: str) -> None:
    """Names that no bucket has are refused, and keys that some program would read in another way."""
    with pytest.raises(ValueError, match=said):
        ObjectAddress.read(href)


def test_kept_as_it_is() -> None:
    """An address without a signature stays as it is written, and has a host and a path for a blob's name."""
    href = "az://account/container/a b/c%20d.tif"

    assert (unsigned(href), host_of(href), path_of(href)) == (href, "account", "container/a b/c%20d.tif")


@pytest.mark.parametrize(
    ("base", "href", "there"),
    [
        ("https://h/a/item.json", "./b.tif", "https://h/a/b.tif"),
        ("s3://bucket/a/item.json", "./b.tif", "s3://bucket/a/b.tif"),
        ("s3://bucket/a/item.json", "/b.tif", "s3://bucket/b.tif"),
        ("s3://bucket/a/item.json", "", "s3://bucket/a/item.json"),
        ("az://account/container/a/item.json", "../b.tif", "az://account/container/b.tif"),
        ("s3://bucket/a/item.json", "https://h/b.tif", "https://h/b.tif"),
        ("https://h/a/item.json", "s3://bucket/b.tif", "s3://bucket/b.tif"),
        ("s3://bucket/a/item.json", "gs://bucket/b.tif", "gs://bucket/b.tif"),
    ],
)
def test_joined(base: str, href: str, there: str) -> None:
    """A relative address is seen from its base, in an object store as on the web."""
    assert joined(base, href) == there
