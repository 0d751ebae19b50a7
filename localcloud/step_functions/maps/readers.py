"""Where the items of a Distributed Map come from: S3, as the role of the execution, or the state's input."""

import csv
import gzip
import itertools
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from typing import IO, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.step_functions.maps.formats import Item, ItemReaderError, inventory_of, items_of, named

LIST = "s3:listObjectsV2"
IN_MEMORY = 16 * 1024 * 1024  # bytes; larger files are read from the disk
STATE_DATA = "STATE_DATA"  # what the context object calls the source of items from the state's input


class S3(Protocol):
    """What Distributed Map needs of boto3's client."""

    def list_objects_v2(self, **arguments: Any) -> Any: ...
    def get_object(self, **arguments: Any) -> Any: ...
    def put_object(self, **arguments: Any) -> Any: ...


SourcedItem = tuple[Any, str | None, str]  # value, key in its object, source


def read_s3(s3: S3, resource: str, arguments: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[SourcedItem]:
    """Yield the items of a dataset in S3.

    Raises:
        ItemReaderError: It cannot be read.
    """
    items = listed(s3, arguments, config) if resource.endswith(LIST) else gotten(s3, arguments, config)
    most = config.get("MaxItems") or None
    try:
        yield from itertools.islice(items, most)
    except ClientError as err:
        raise ItemReaderError(told(err)) from err
    except (BotoCoreError, OSError, UnicodeDecodeError) as err:
        raise ItemReaderError(str(err)) from err


def told(err: ClientError) -> str:
    """Return an answer of S3 in the words of AWS's client."""
    error, metadata = err.response.get("Error", {}), err.response.get("ResponseMetadata", {})
    service = f"Service: S3, Status Code: {metadata.get('HTTPStatusCode')}, Request ID: {metadata.get('RequestId')}"
    return f"{error.get('Message')} ({service})"


def listed(s3: S3, arguments: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[SourcedItem]:
    """Yield the objects of a bucket as S3 lists them, or the items in them with LOAD_AND_FLATTEN."""
    bucket = arguments["Bucket"]
    for listed_object in objects(s3, arguments):
        if config.get("Transformation", "NONE") == "LOAD_AND_FLATTEN":
            if not listed_object["Key"].endswith("/"):
                yield from gotten(s3, {"Bucket": bucket, "Key": listed_object["Key"]}, config)
        else:
            yield metadata_of(listed_object), None, f"s3://{bucket}"


def objects(s3: S3, arguments: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the objects of a bucket, page by page."""
    token: dict[str, str] = {}
    while True:
        page = s3.list_objects_v2(**{**arguments, **token})
        yield from page.get("Contents", [])
        if not page.get("IsTruncated"):
            return
        token = {"ContinuationToken": page["NextContinuationToken"]}


def metadata_of(listed_object: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Etag": listed_object["ETag"],
        "Key": listed_object["Key"],
        "LastModified": int(listed_object["LastModified"].timestamp()),
        "Size": listed_object["Size"],
        "StorageClass": listed_object.get("StorageClass", "STANDARD"),
    }


def gotten(s3: S3, arguments: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[SourcedItem]:
    """Yield the items of an object, or those of the files that it lists when it is a manifest."""
    source = f"s3://{arguments['Bucket']}/{arguments['Key']}"
    with opened(s3, arguments) as content:
        is_manifest = config.get("InputType") == "MANIFEST"
        items = inventory(s3, content, arguments, config) if is_manifest else items_of(content, config)
        for value, key in items:
            yield value, key, source


def inventory(s3: S3, content: IO[bytes], arguments: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[Item]:
    """Yield the objects that an S3 inventory lists."""
    if (kind := config.get("ManifestType", "S3_INVENTORY")) != "S3_INVENTORY":
        raise ItemReaderError(f"The local cloud does not emulate the ManifestType {kind} of an ItemReader.")
    keys, columns = inventory_of(content)
    for key in keys:
        file = opened(s3, {"Bucket": arguments["Bucket"], "Key": key})
        with file, gzip.open(file, "rt", encoding="utf-8", newline="") as text:
            yield from ((row, None) for row in named(csv.reader(text), columns))


def opened(s3: S3, arguments: Mapping[str, Any]) -> IO[bytes]:
    """Return the content of an object as a file."""
    body = s3.get_object(**arguments)["Body"]
    file = tempfile.SpooledTemporaryFile(IN_MEMORY)
    shutil.copyfileobj(body, file)
    file.seek(0)
    return file
