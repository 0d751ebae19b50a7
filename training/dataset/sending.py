"""Sends files to S3 by the AWS Common Runtime, many at once.

Tens of thousands of small files are bound by the client's work per request, not by the network. Measured on one
core, botocore needs 0.9 ms to build, sign and send a PutObject and its own CRT transfer manager 0.7 ms; the AWS Common
Runtime itself, which that manager drives, needs 0.3 ms, and brings signing, connections and retries.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from awscrt.http import HttpHeaders, HttpRequest
from awscrt.s3 import S3ChecksumAlgorithm, S3ChecksumConfig, S3ChecksumLocation, S3RequestType
from awscrt.s3 import S3Client as CommonRuntime
from s3transfer.crt import BotocoreCRTCredentialsWrapper, create_s3_crt_client

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

IN_FLIGHT = 128  # requests at once, as many as s3transfer allows itself
SINGLE_REQUEST_BYTES = 5 * 2**30  # S3's own limit; the ETag of a multipart upload would not be the content's MD5
CONTENT_TYPES = {".png": "image/png", ".lst": "text/tab-separated-values"}
CRC32 = S3ChecksumConfig(algorithm=S3ChecksumAlgorithm.CRC32, location=S3ChecksumLocation.HEADER)


class Sender:
    """Puts files into a bucket, at most `IN_FLIGHT` at once; its methods may be called by any thread."""

    def __init__(self, bucket: str, s3: "S3Client", sent: Callable[[], None]) -> None:
        """Prepare to send with the region, endpoint and credentials of `s3`; `sent` is called after each file."""
        self._bucket, self._endpoint_url = bucket, s3.meta.endpoint_url
        self._runtime = common_runtime(s3)
        self._sent = sent
        self._slots = threading.Semaphore(IN_FLIGHT)
        self._errors: list[Exception] = []

    def put(self, key: str, path: Path, size: int) -> None:
        """Start to send a file of `size` bytes, when one of those in flight has ended; after an error, send nothing."""
        self._slots.acquire()
        if self._errors:
            self._slots.release()
            return
        self._runtime.make_request(
            type=S3RequestType.PUT_OBJECT,
            request=put_object(self._endpoint_url, f"{self._bucket}/{key}", path.suffix, size),
            send_filepath=str(path),
            checksum_config=CRC32,
            multipart_upload_threshold=SINGLE_REQUEST_BYTES,
            on_done=self._done,
        )

    def _done(self, error: Exception | None = None, **_: object) -> None:
        if error:
            self._errors.append(error)
        else:
            self._sent()
        self._slots.release()

    def wait(self) -> None:
        """Return when all files are sent; raises the first error when the requests in flight have ended."""
        for _ in range(IN_FLIGHT):
            self._slots.acquire()
        if self._errors:
            raise self._errors[0]


def common_runtime(s3: "S3Client") -> CommonRuntime:
    """Return a client of the Common Runtime with the region, endpoint and credentials of `s3`."""
    credentials = s3._get_credentials()  # type: ignore[attr-defined]  # boto3.crt does the same
    return create_s3_crt_client(
        region=s3.meta.region_name,
        crt_credentials_provider=BotocoreCRTCredentialsWrapper(credentials).to_crt_credentials_provider(),
        use_ssl=s3.meta.endpoint_url.startswith("https://"),
    )


def put_object(endpoint_url: str, path: str, suffix: str, size: int) -> HttpRequest:
    """Return the unsigned request; every S3 endpoint accepts the bucket in the path."""
    headers = [
        ("Host", urlsplit(endpoint_url).netloc),
        ("Content-Length", str(size)),
        ("Content-Type", CONTENT_TYPES[suffix]),
    ]
    return HttpRequest("PUT", f"/{quote(path)}", HttpHeaders(headers))
