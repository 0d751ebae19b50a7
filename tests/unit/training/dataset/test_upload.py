"""The upload: sends what changed, deletes what is stale, touches nothing else. S3 is moto's, over HTTP."""

import http.server
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from rich.console import Console

from training.dataset import sending
from training.dataset import upload as step
from training.dataset.upload import Uploaded, upload
from training.errors import StackError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FILES = {
    "images/train/a b+ü.png": b"first",
    "images/train/b.png": b"second",
    "images/validation/c.png": b"third",
    "images/test/d.png": b"fourth",
    "lists/train.lst": b"0\t0\ta b+.png\n",
    "lists/test.lst": b"0\t1\td.png\n",
}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "images.csv").write_text("not uploaded")
    return tmp_path


def objects(s3: "S3Client", bucket: str) -> dict[str, bytes]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def test_every_image_and_list_is_sent(s3: "S3Client", bucket: str, directory: Path, console: Console) -> None:
    uploaded = upload(directory, bucket, s3, console)
    assert uploaded == Uploaded(sent=6, unchanged=0, deleted=0, bytes=sum(map(len, FILES.values())))
    assert objects(s3, bucket) == FILES


@pytest.mark.parametrize(
    ("key", "content_type"),
    [("images/test/d.png", "image/png"), ("lists/test.lst", "text/tab-separated-values")],
)
def test_content_types_are_set(
    s3: "S3Client", bucket: str, directory: Path, console: Console, key: str, content_type: str
) -> None:
    upload(directory, bucket, s3, console)
    assert s3.head_object(Bucket=bucket, Key=key)["ContentType"] == content_type


def test_only_what_changed_is_sent_again(s3: "S3Client", bucket: str, directory: Path, console: Console) -> None:
    upload(directory, bucket, s3, console)
    (directory / "images/train/b.png").write_bytes(b"SECOND")  # as long as before
    (directory / "images/test/d.png").write_bytes(b"longer than before")
    assert upload(directory, bucket, s3, console) == Uploaded(sent=2, unchanged=4, deleted=0, bytes=24)
    assert objects(s3, bucket)["images/train/b.png"] == b"SECOND"


def test_an_interrupted_upload_goes_on(s3: "S3Client", bucket: str, directory: Path, console: Console) -> None:
    s3.put_object(Bucket=bucket, Key="images/train/b.png", Body=FILES["images/train/b.png"])
    assert upload(directory, bucket, s3, console).sent == 5


def test_stale_images_and_lists_are_deleted_and_nothing_else(
    s3: "S3Client", bucket: str, directory: Path, console: Console
) -> None:
    others = ["images/other/x.png", "images/x.png", "images/training/x.png", "models/x", "captured/x", "listsx"]
    stale = ["images/train/stale.png", "images/test/stale.png", "lists/stale.lst"]
    for key in others + stale:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    assert upload(directory, bucket, s3, console).deleted == 3
    assert set(objects(s3, bucket)) == {*FILES, *others}


def test_more_objects_than_one_page_or_one_deletion_holds(
    s3: "S3Client", bucket: str, tmp_path: Path, console: Console, small_pages: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert step.DELETED_AT_ONCE == 1000  # S3's limit
    monkeypatch.setattr(step, "DELETED_AT_ONCE", 4)
    deletions: list[dict[str, Any]] = []
    s3.meta.events.register("before-parameter-build.s3.DeleteObjects", lambda params, **_: deletions.append(params))
    folder = tmp_path / "images" / "train"
    folder.mkdir(parents=True)
    for number in range(2 * small_pages + 1):
        (folder / f"{number}.png").write_bytes(b"%d" % number)
    assert upload(tmp_path, bucket, s3, console).sent == 11
    assert upload(tmp_path, bucket, s3, console).unchanged == 11
    for path in folder.iterdir():
        path.unlink()
    assert upload(tmp_path, bucket, s3, console) == Uploaded(sent=0, unchanged=0, deleted=11, bytes=0)
    assert objects(s3, bucket) == {}
    assert [len(one["Delete"]["Objects"]) for one in deletions] == [4, 4, 3]


def test_a_bucket_that_is_missing_is_named(s3: "S3Client", directory: Path, console: Console) -> None:
    with pytest.raises(StackError, match=r"bucket no-such-bucket .* \(NoSuchBucket: "):
        upload(directory, "no-such-bucket", s3, console)


def test_no_credentials_is_one_sentence(
    s3_endpoint: str, directory: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(directory / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(directory / "none"))
    s3 = boto3.Session().client("s3", endpoint_url=s3_endpoint, region_name="us-east-1")
    with pytest.raises(StackError, match="Unable to locate credentials"):
        upload(directory, "bucket", s3, console)


class Sender:
    """A Common Runtime whose requests end when `end` is called, with an error for the files in `broken`."""

    def __init__(self, broken: set[str]) -> None:
        self.broken = broken
        self.sent: list[str] = []
        self.waiting: list[tuple[str, Any]] = []

    def make_request(self, send_filepath: str, on_done: Any, **_: Any) -> None:
        name = Path(send_filepath).name
        self.sent.append(name)
        self.waiting.append((name, on_done))
        if len(self.waiting) == IN_FLIGHT or len(self.sent) == TOTAL:
            self.end()

    def end(self) -> None:
        """End all requests in flight, the oldest first."""
        for name, on_done in self.waiting:
            on_done(error=OSError(f"{name} was refused") if name in self.broken else None)
        self.waiting = []


IN_FLIGHT, TOTAL = 4, 12


def send(broken: set[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Sender, list[None], Any]:
    """Send 12 files, 4 at once; returns the sender, a mark for each file sent, and the error that was raised."""
    sender = Sender(broken)
    marks: list[None] = []
    errors: list[OSError] = []
    monkeypatch.setattr(sending, "IN_FLIGHT", IN_FLIGHT)
    monkeypatch.setattr(sending, "common_runtime", lambda _: sender)
    monkeypatch.setattr(sending, "put_object", lambda *_: None)
    client: Any = SimpleNamespace(meta=SimpleNamespace(endpoint_url="http://127.0.0.1"))
    files = {f"{number:02}": tmp_path / f"{number:02}" for number in range(TOTAL)}

    def run() -> None:
        try:
            sending_files = sending.Sender("bucket", client, lambda: marks.append(None))
            for key, path in files.items():
                sending_files.put(key, path, 0)
            sending_files.wait()
        except OSError as err:
            errors.append(err)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive(), "the upload waits for a request that has ended"
    return sender, marks, errors[0] if errors else None


def test_every_file_is_counted_when_none_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sender, marks, error = send(set(), monkeypatch, tmp_path)
    assert (len(sender.sent), len(marks), error) == (TOTAL, TOTAL, None)


def test_an_error_in_the_middle_stops_the_upload(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sender, marks, error = send({"05", "06"}, monkeypatch, tmp_path)
    assert sender.sent == [f"{number:02}" for number in range(8)]  # those in flight with the broken ones, no more
    assert len(marks) == 6
    assert str(error) == "05 was refused"


def test_an_error_of_the_last_file_is_raised(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sender, marks, error = send({"11"}, monkeypatch, tmp_path)
    assert (len(sender.sent), len(marks), str(error)) == (TOTAL, TOTAL - 1, "11 was refused")


@pytest.mark.parametrize(("objects", "batches"), [(1000, [1000]), (1001, [1000, 1])])
def test_a_deletion_has_at_most_a_thousand_objects(objects: int, batches: list[int]) -> None:
    asked: list[int] = []

    def delete_objects(Bucket: str, Delete: Any) -> dict[str, Any]:
        asked.append(len(Delete["Objects"]))
        return {}

    client: Any = SimpleNamespace(delete_objects=delete_objects)
    assert step._delete(client, "bucket", map(str, range(objects))) == objects
    assert asked == batches


class ListOnly(http.server.BaseHTTPRequestHandler):
    """An S3 whose empty bucket may be listed and not written."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer(200, b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(403, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def test_a_bucket_that_may_not_be_written_is_one_sentence(directory: Path, console: Console) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), ListOnly)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        s3 = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{server.server_port}",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        with pytest.raises(StackError, match=r"bucket mine .* \(AccessDenied\)"):
            upload(directory, "mine", s3, console)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
