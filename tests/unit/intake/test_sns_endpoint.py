"""Where a topic of SNS lives."""

import pytest

from shared.intake.sns_endpoint import Endpoint
from shared.model.datasets import Allowlist

_HOST = "sns.us-west-2.amazonaws.com"
_FILE = "SimpleNotificationService-7506a1e35b36ef5a444dd1a8e7cc3ed8.pem"
_WEST = Endpoint(partition="aws", region="us-west-2")


@pytest.mark.parametrize(
    ("partition", "region", "host", "signers"),
    [
        ("aws", "us-west-2", _HOST, ("sns.amazonaws.com", "sns-signing.us-west-2.amazonaws.com")),
        (
            *("aws", "ap-southeast-5", "sns.ap-southeast-5.amazonaws.com"),
            ("sns.amazonaws.com", "sns-signing.ap-southeast-5.amazonaws.com"),
        ),
        ("aws-cn", "cn-north-1", "sns.cn-north-1.amazonaws.com.cn", ("sns-cn-north-1.amazonaws.com.cn",)),
        (
            *("aws-us-gov", "us-gov-east-1", "sns.us-gov-east-1.amazonaws.com"),
            ("sns-us-gov-west-1.amazonaws.com", "sns.amazonaws.com"),
        ),
    ],
)
def test_a_region(partition: str, region: str, host: str, signers: tuple[str, ...]) -> None:
    """A topic's region has one host, asked by TLS alone, and one of few certificates."""
    endpoint = Endpoint.of(f"arn:{partition}:sns:{region}:123456789012:scenes")

    assert endpoint == Endpoint(partition=partition, region=region)
    assert endpoint.host == host
    assert endpoint.signers == (*signers, host)
    assert endpoint.allow == Allowlist(hosts=(host,), http_hosts=(), ports=(443,))


def test_no_topic() -> None:
    """What is no ARN has no endpoint."""
    with pytest.raises(ValueError, match="no ARN"):
        Endpoint.of("arn:aws:sqs:us-west-2:123456789012:scenes")


def test_a_certificates_address() -> None:
    """It is on the endpoint's host, and has the name that SNS gives."""
    assert _WEST.has_certificate(f"https://{_HOST}/{_FILE}")


@pytest.mark.parametrize(
    "address",
    [
        "",
        f"http://{_HOST}/{_FILE}",
        f"HTTPS://{_HOST}/{_FILE}",
        f"https://sns.us-east-1.amazonaws.com/{_FILE}",
        f"https://{_HOST}.cn/{_FILE}",
        f"https://{_HOST}.example.org/{_FILE}",
        f"https://example.org/{_HOST}/{_FILE}",
        f"https://{_HOST}@example.org/{_FILE}",
        f"https://example.org@{_HOST}/{_FILE}",
        f"https://example.org\\@{_HOST}/{_FILE}",
        f"https://{_HOST}:443/{_FILE}",
        f"https://{_HOST}:8443/{_FILE}",
        f"https://{_HOST}./{_FILE}",
        f"https://{_HOST.upper()}/{_FILE}",
        f"https://{_HOST}//{_FILE}",
        f"https://{_HOST}/a/{_FILE}",
        f"https://{_HOST}/../{_FILE}",
        f"https://{_HOST}/?Action=Publish&x=/{_FILE}",
        f"https://{_HOST}/{_FILE}?a=b",
        f"https://{_HOST}/{_FILE}#a",
        f"https://{_HOST}/{_FILE}\n",
        f"https://{_HOST}/SimpleNotificationService-.pem",
        f"https://{_HOST}/SimpleNotificationService-%2e%2e.pem",
        f"https://{_HOST}/other.pem",
        f"https://s3.us-west-2.amazonaws.com/{_HOST}/{_FILE}",
        f"https://sns.us-west-2.amazonaws\u3002com/{_FILE}",
    ],
)
def test_another_address(address: str) -> None:
    """No other host, scheme, port, user, path, query or spelling passes."""
    assert not _WEST.has_certificate(address)
