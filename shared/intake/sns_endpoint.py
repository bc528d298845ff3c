"""Where a topic of SNS lives, told by its ARN."""

import dataclasses
import re
from typing import Self

from shared.model.datasets import Allowlist
from shared.model.event_access import region_of

_CERTIFICATE = re.compile(r"SimpleNotificationService-[A-Za-z0-9]{1,128}\.pem")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """SNS in one region."""

    partition: str
    region: str

    @classmethod
    def of(cls, topic: str) -> Self:
        """The endpoint of a topic; raises ValueError for what is no ARN."""
        partition, region = region_of(topic)
        return cls(partition=partition, region=region)

    @property
    def host(self) -> str:
        """The only host that is asked."""
        return f"sns.{self.region}.{self._domain}"

    @property
    def allow(self) -> Allowlist:
        """That host, by TLS."""
        return Allowlist(hosts=(self.host,), ports=(443,))

    @property
    def signers(self) -> tuple[str, ...]:
        """Names that a certificate may have that signs here: most regions share one, newer ones have their own.

        As AWS' own SDK for Java knows them (SnsHostProvider in its sns-message-manager).
        """
        match self.partition:
            case "aws-cn":
                return f"sns-{self.region}.{self._domain}", self.host
            case "aws-us-gov":
                return f"sns-us-gov-west-1.{self._domain}", f"sns.{self._domain}", self.host
            case _:
                return f"sns.{self._domain}", f"sns-signing.{self.region}.{self._domain}", self.host

    def has_certificate(self, address: str) -> bool:
        """Tell whether an address is one of a certificate here: no other host, port, user, path or query passes."""
        origin, _, file = address.rpartition("/")
        return origin == f"https://{self.host}" and _CERTIFICATE.fullmatch(file) is not None

    @property
    def _domain(self) -> str:
        return "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"
