"""What gets past the front door of a local cloud: nothing that is not signed with its keys."""

import http.client
import json
import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import psutil
import pytest
import requests
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from localcloud import instances
from tests.integration.support.clouds import OwnCloud, clients_of, only_local, own_cloud
from tests.integration.support.functions import create_function
from tests.integration.support.iam import WRITE_LOGS, create_role
from tests.integration.support.names import NAME

pytestmark = only_local

CREATE_ROLE = "Action=CreateRole&Version=2010-05-08&RoleName=intruder&AssumeRolePolicyDocument=%7B%7D"
FORM = {"content-type": "application/x-www-form-urlencoded"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
MB = 1024 * 1024


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnCloud]:
    with own_cloud(tmp_path_factory.mktemp("door") / "cloud") as cloud:
        boto3.client("s3").create_bucket(Bucket="photos")
        boto3.client("s3").put_object(Bucket="photos", Key="a", Body=b"photo", ContentType="text/html")
        yield cloud


@pytest.fixture
def url(cloud: OwnCloud) -> Iterator[str]:
    """Return the address of the cloud; afterwards nothing in it may have changed."""
    before = inventory()
    yield os.environ["AWS_ENDPOINT_URL"]
    assert inventory() == before


def inventory() -> tuple[Any, ...]:
    s3 = boto3.client("s3")
    return (
        [role["RoleName"] for role in boto3.client("iam").list_roles()["Roles"]],
        [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]],
        [one["Key"] for one in s3.list_objects_v2(Bucket="photos")["Contents"]],
        [one["FunctionName"] for one in boto3.client("lambda").list_functions()["Functions"]],
    )


def root() -> Credentials:
    return Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])


def ask(method: str, url: str, headers: dict[str, str] | None = None, body: Any = None) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, url, headers=headers, data=body, timeout=30)


def ask_signed(
    request: AWSRequest, service: str, keys: Credentials, headers: dict[str, str] | None = None
) -> requests.Response:
    """Send a signed request with more headers, which are not signed."""
    (S3SigV4Auth if service == "s3" else SigV4Auth)(keys, service, "us-east-1").add_auth(request)
    return ask(
        str(request.method), str(request.url), {**dict(request.headers.items()), **(headers or {})}, request.data
    )


# Keys -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["test", "000000000000", "AKIAUNKNOWNUNKNOWN00"])
def test_no_key_but_the_cloud_s_own_is_root(url: str, key: str) -> None:
    keys: Any = {"aws_access_key_id": key, "aws_secret_access_key": key}
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        boto3.client("iam", **keys).create_role(RoleName="intruder", AssumeRolePolicyDocument=TRUST)
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        boto3.client("s3", **keys).create_bucket(Bucket="intruder")
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        boto3.client("sagemaker", **keys).list_endpoints()


@pytest.mark.aws("IAM", "the root user's signature is checked like every other", "exact")
@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("iam", "list_roles", "SignatureDoesNotMatch"),
        ("s3", "list_buckets", "SignatureDoesNotMatch"),
        ("sagemaker", "list_endpoints", "InvalidSignatureException"),
        ("stepfunctions", "list_state_machines", "InvalidSignatureException"),
        ("cloudwatch", "list_metrics", "SignatureDoesNotMatch|InvalidSignatureException"),
    ],
)
def test_the_root_key_needs_its_secret(url: str, service: str, call: str, code: str) -> None:
    create_client: Any = boto3.client
    keys = {"aws_access_key_id": root().access_key, "aws_secret_access_key": "test"}
    with pytest.raises(ClientError, match=code):
        getattr(create_client(service, **keys), call)()


def test_the_root_user_is_the_account_s() -> None:
    identity = boto3.client("sts").get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{identity['Account']}:root"


def test_keys_stay_until_the_cloud_is_reset(tmp_path: Path) -> None:
    with own_cloud(tmp_path / "kept") as cloud:
        cloud.run("down")
        cloud.run("up")
        assert boto3.client("iam").list_roles()["Roles"] == []
        cloud.run("reset")
        cloud.run("up", "--port", str(urlsplit(os.environ["AWS_ENDPOINT_URL"]).port))
        with pytest.raises(ClientError, match="InvalidClientTokenId"):
            boto3.client("iam").list_roles()
        here = instances.require_running(cloud.state)
        with clients_of(cloud.state, here.port):
            assert boto3.client("iam").list_roles()["Roles"] == []


def test_only_the_user_may_read_the_state(cloud: OwnCloud) -> None:
    assert cloud.state.stat().st_mode & 0o777 == 0o700
    assert (cloud.state / "keys.json").stat().st_mode & 0o777 == 0o600


def test_no_process_of_the_cloud_has_the_root_key_or_a_variable_of_the_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "of-the-shell")
    with own_cloud(tmp_path / "cloud") as cloud:
        for one in instances.processes(cloud.state):
            assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN"} & one.environ().keys()


SHOW_KEYS = "import os\ndef lambda_handler(event, context):\n    return dict(os.environ)\n"


@pytest.mark.correction(name="lambda-session-keys")
def test_the_keys_of_functions_are_the_cloud_s_own(cloud: OwnCloud, tmp_path: Path) -> None:
    """The same function in two clouds has two secrets, so they follow from no ARN."""
    secrets = {secret_of_a_function()}
    with own_cloud(tmp_path / "other"):
        secrets.add(secret_of_a_function())
    assert len(secrets) == 2


def secret_of_a_function() -> tuple[str, str]:
    """Return secret and token of a function that has the same ARN in each cloud."""
    client, name = boto3.client("lambda"), "shows-its-keys"
    create_function(name, create_role(name, "lambda", WRITE_LOGS), SHOW_KEYS)
    variables = json.loads(client.invoke(FunctionName=name)["Payload"].read())
    client.delete_function(FunctionName=name)
    assert variables["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    return variables["AWS_SECRET_ACCESS_KEY"], variables["AWS_SESSION_TOKEN"]


# Web pages ------------------------------------------------------------------------------------------------------


@pytest.mark.aws("Local cloud", "requests of web pages, and those that are not signed, are refused", "exact")
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/", None),
        ("GET", "/photos/a", None),
        ("GET", "/photos/a?AWSAccessKeyId=test&Signature=x", None),
        ("PUT", "/intruder", None),
        ("PUT", "/photos/b", b"photo"),
        ("POST", "/", CREATE_ROLE),
        ("POST", "/?" + CREATE_ROLE, None),
        ("POST", "/photos", b'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\nb\r\n--x--'),
        ("GET", "/_ministack/health", None),
        ("GET", "/_localstack/health", None),
        ("GET", "/health", None),
        ("POST", "/_ministack/reset", None),
        ("POST", "/_ministack/config", b'{"x.y": "z"}'),
        ("GET", "/_ministack/lambda-code/f", None),
        ("GET", "/_aws/sqs/messages", None),
        ("GET", "/_aws/ses", None),
        ("POST", "/2015-03-31/functions/f/invocations", b"{}"),
        ("POST", "/endpoints/e/invocations", b"x"),
    ],
)
def test_an_unsigned_request_is_refused_and_told_nothing(url: str, method: str, path: str, body: Any) -> None:
    answer = ask(method, url + path, FORM if body == CREATE_ROLE else {}, body)
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
    assert b"photo" not in answer.content
    assert len(answer.text) < 500


@pytest.mark.parametrize("host", ["evil.example:{port}", "localhost:1", "bucket.localhost:{port}", "127.0.0.1"])
def test_dns_rebinding_is_refused(url: str, host: str) -> None:
    """A name that was pointed at 127.0.0.1 after its page was loaded is the page's own origin to the browser."""
    port = urlsplit(url).port
    answer = ask("POST", url, {**FORM, "host": host.format(port=port)}, CREATE_ROLE)
    assert (answer.status_code, "The Host header must be" in answer.text) == (403, True)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:8000"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_foreign_page_is_refused_even_with_keys(url: str, headers: dict[str, str]) -> None:
    request = AWSRequest("POST", url, FORM, CREATE_ROLE)
    assert ask_signed(request, "iam", root(), headers).status_code == 403


def test_a_preflight_is_refused(url: str) -> None:
    headers = {"origin": "http://evil.example", "access-control-request-method": "POST"}
    for path in ("/", "/photos/a"):
        answer = ask("OPTIONS", url + path, headers)
        assert answer.status_code == 403
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


def test_no_answer_allows_other_origins(url: str) -> None:
    request = AWSRequest("POST", url, FORM, "Action=ListRoles&Version=2010-05-08")
    answer = ask_signed(request, "iam", root())
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("path", ["/_ministack/reset", "/_ministack/config", "/_ministack/lambda-code/f"])
def test_the_pages_of_ministack_are_closed_to_root_too(url: str, path: str) -> None:
    for service in ("s3", "iam"):
        answer = ask_signed(AWSRequest("POST", url + path, {}, b""), service, root())
        assert (answer.status_code, "has no path" in answer.text) == (403, True)


def test_a_websocket_is_refused(url: str) -> None:
    headers = {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13", "sec-websocket-key": "x"}
    assert ask("GET", url + "/_aws/execute-api/a/b", headers).status_code == 403


# Presigned URLs -------------------------------------------------------------------------------------------------


def presign(expires: int = 60) -> str:
    s3 = boto3.client("s3", config=Config(signature_version="s3v4"))
    return s3.generate_presigned_url("get_object", {"Bucket": "photos", "Key": "a"}, ExpiresIn=expires)


@pytest.mark.aws("S3", "presigned URLs: signature, method and expiry are checked", "exact")
def test_a_presigned_url_is_for_what_was_signed(url: str) -> None:
    signed = presign()
    assert ask("GET", signed).text == "photo"
    for method, changed in (
        ("PUT", signed),
        ("DELETE", signed),
        ("GET", signed.replace("/photos/a", "/photos/b")),
        ("GET", signed.replace("X-Amz-Expires=60", "X-Amz-Expires=600")),
        ("GET", signed + "0"),
        ("GET", re.sub("Signature=[0-9a-f]{8}", "Signature=00000000", signed)),
        ("GET", re.sub("&X-Amz-Signature=.*", "", signed)),
        ("GET", signed + "&versionId=x"),
    ):
        answer = ask(method, changed)
        assert answer.status_code in (400, 403), changed
        assert "photo" not in answer.text


def test_a_presigned_url_expires(url: str) -> None:
    signed = presign(expires=1)
    time.sleep(2.1)
    answer = ask("GET", signed)
    assert answer.status_code == 403
    assert "photo" not in answer.text


@pytest.mark.aws(
    "S3", "Signature Version 2, which AWS has turned off, is refused", "approximate", "with 403 instead of 400"
)
def test_an_old_kind_of_presigned_url_is_refused(url: str) -> None:
    s3 = boto3.client("s3", config=Config(signature_version="s3"))
    signed = s3.generate_presigned_url("get_object", {"Bucket": "photos", "Key": "a"})
    assert "AWSAccessKeyId=" in signed
    assert ask("GET", signed).status_code == 403


# Sizes ----------------------------------------------------------------------------------------------------------


def server_memory(cloud: OwnCloud) -> float:
    """Return the most memory that the server has had so far, in MB."""
    server = psutil.Process(instances.require_running(cloud.state).pid)
    return float(server.memory_info().rss) / MB


def send_raw(url: str, head: str, body: Iterator[bytes]) -> tuple[bytes, int]:
    """Send a request byte by byte; returns what was answered, and how many bytes of the body were sent by then."""
    parts, sent = urlsplit(url), 0
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as client:
        client.sendall(head.format(host=parts.netloc).encode())
        client.setblocking(False)
        for piece in body:
            with suppress(BlockingIOError):
                return client.recv(65536), sent
            client.setblocking(True)
            try:
                client.sendall(piece)
            except OSError:
                break
            client.setblocking(False)
            sent += len(piece)
        client.setblocking(True)
        with suppress(OSError):
            return client.recv(65536), sent
    return b"", sent


def pieces(size: int) -> Iterator[bytes]:
    for _ in range(0, size, 64 * 1024):
        yield b"x" * 64 * 1024


def test_endless_headers_end_the_connection(cloud: OwnCloud, url: str) -> None:
    before = server_memory(cloud)
    _, sent = send_raw(url, "GET / HTTP/1.1\r\nhost: {host}\r\nlong: ", pieces(20 * MB))
    assert sent < 20 * MB
    assert server_memory(cloud) < before + 10


def test_a_large_body_with_an_unknown_key_is_not_taken(cloud: OwnCloud, url: str) -> None:
    before = server_memory(cloud)
    credential = "Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=" + "0" * 64
    head = (
        f"PUT /photos/large HTTP/1.1\r\nhost: {{host}}\r\ncontent-length: {200 * MB}\r\n"
        f"authorization: AWS4-HMAC-SHA256 {credential}\r\n\r\n"
    )
    answer, sent = send_raw(url, head, pieces(200 * MB))
    assert answer.startswith(b"HTTP/1.1 403") or answer.startswith(b"HTTP/1.1 400")
    assert sent < 20 * MB
    assert server_memory(cloud) < before + 10


def test_a_body_over_the_limit_is_answered_without_being_taken(cloud: OwnCloud, url: str) -> None:
    """botocore waits for `100 Continue` before it sends an object."""
    parts = urlsplit(url)
    request = AWSRequest("PUT", url + "/photos/large", {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    S3SigV4Auth(root(), "s3", "us-east-1").add_auth(request)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    connection.putrequest("PUT", "/photos/large")
    for name, value in {**dict(request.headers.items()), "content-length": str(101 * MB)}.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, b"EntityTooLarge" in answer.read()) == (413, True)
    connection.close()


def test_an_object_of_many_megabytes_is_kept(cloud: OwnCloud) -> None:
    s3, body, key = boto3.client("s3"), os.urandom(40 * MB), NAME
    s3.put_object(Bucket="photos", Key=key, Body=body)
    assert s3.get_object(Bucket="photos", Key=key)["Body"].read() == body
    s3.delete_object(Bucket="photos", Key=key)
