"""Events as each service documents them; what matters in a case is said there."""

import json
from typing import Any

ACCOUNT = "partnerdata"
TOPIC = f"/subscriptions/0/resourceGroups/deliveries/providers/Microsoft.Storage/storageAccounts/{ACCOUNT}"
SNS_TOPIC = "arn:aws:sns:us-west-2:123456789012:scenes"
WRITTEN = "2024-06-01T10:00:00.9584103Z"


def blob_data(**values: Any) -> dict[str, Any]:
    """The data of Microsoft.Storage.BlobCreated."""
    return {
        "api": "PutBlockList",
        "clientRequestId": "6d79dbfb-0e37-4fc4-981f-442c9ca65760",
        "requestId": "831e1650-001e-001b-66ab-eeb76e000000",
        "eTag": '"0x8D4BCC2E4835CD0"',
        "contentType": "image/tiff",
        "contentLength": 524288,
        "blobType": "BlockBlob",
        "accessTier": "Default",
        "url": f"https://{ACCOUNT}.blob.core.windows.net/deliveries/2024/a.tif",
        "sequencer": "00000000000004420000000000028963",
        "storageDiagnostics": {"batchId": "b68529f3-68cd-4744-baa4-3c0498ec19f0"},
        **values,
    }


def subject(name: str = "2024/a.tif", *, container: str = "deliveries") -> str:
    """The subject of an event about a blob."""
    return f"/blobServices/default/containers/{container}/blobs/{name}"


def event_grid(data: Any = None, **values: Any) -> dict[str, Any]:
    """An event in Event Grid's schema."""
    return {
        "topic": TOPIC,
        "subject": subject(),
        "eventType": "Microsoft.Storage.BlobCreated",
        "eventTime": WRITTEN,
        "id": "831e1650-001e-001b-66ab-eeb76e069631",
        "data": blob_data() if data is None else data,
        "dataVersion": "",
        "metadataVersion": "1",
        **values,
    }


def cloud_event(data: Any = None, **values: Any) -> dict[str, Any]:
    """The same event as a CloudEvent."""
    return {
        "specversion": "1.0",
        "type": "Microsoft.Storage.BlobCreated",
        "source": TOPIC,
        "id": "831e1650-001e-001b-66ab-eeb76e069631",
        "time": WRITTEN,
        "subject": subject(),
        "data": blob_data() if data is None else data,
        **values,
    }


def s3_record(key: str = "2024/a.tif", **values: Any) -> dict[str, Any]:
    """A record of S3's notification; ``key`` as it is written there."""
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-west-2",
        "eventTime": "2024-06-01T10:00:00.000Z",
        "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "AIDAJDPLRKLG7UEXAMPLE"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810", "x-amz-id-2": "FMyUVURIY8/IgAtTv8xRjskZQpcIZ9"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "testConfigRule",
            "bucket": {
                "name": "scenes",
                "ownerIdentity": {"principalId": "A3NL1KOZZKExample"},
                "arn": "arn:aws:s3:::scenes",
            },
            "object": {
                "key": key,
                "size": 1024,
                "eTag": "d41d8cd98f00b204e9800998ecf8427e",
                "versionId": "096fKKXTRTtl3on89fVO.nfljtsv6qko",
                "sequencer": "0055AED6DCD90281E5",
            },
        },
        **values,
    }


def notification(message: Any, **values: Any) -> dict[str, Any]:
    """A notification of SNS with this message: text, or what is written as JSON."""
    return {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": SNS_TOPIC,
        "Subject": "Amazon S3 Notification",
        "Message": message if isinstance(message, str) else json.dumps(message),
        "Timestamp": "2024-06-01T10:00:01.655Z",
        "SignatureVersion": "2",
        "Signature": "EXAMPLEw6JRN",
        "SigningCertURL": "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem",
        "UnsubscribeURL": "https://sns.us-west-2.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=arn:aws:sns:1",
        **values,
    }


def stac_item(name: str = "001", *keys: str, **values: Any) -> dict[str, Any]:
    """A STAC item with one asset for each key (none named: ``data``)."""
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "collection": "s2",
        "geometry": None,
        "properties": {"datetime": "2024-06-01T09:00:00Z"},
        "links": [],
        "assets": {
            key: {"href": f"https://data.example.org/{name}/{key}.tif", "type": "image/tiff"}
            for key in keys or ("data",)
        },
        **values,
    }


def collection(*items: dict[str, Any]) -> dict[str, Any]:
    """An item collection."""
    return {"type": "FeatureCollection", "features": list(items)}
