"""An S3 of moto's on a free port. All servers in one process have the same buckets."""

import contextlib
from collections.abc import Generator
from typing import Any, cast

import boto3
from moto.server import ThreadedMotoServer


@contextlib.contextmanager
def moto_s3(*, region: str) -> Generator[tuple[str, Any]]:
    """Run it until the block ends; gives its endpoint, and a client for putting things there."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        client: Any = cast("Any", boto3).client(
            "s3",
            endpoint_url=endpoint,
            region_name=region,
            aws_access_key_id="AKID",
            aws_secret_access_key="s3cr3t",
        )
        with contextlib.closing(client):
            yield endpoint, client
    finally:
        server.stop()
