"""A disk that is full or damaged: what was answered is kept, and what cannot be kept is not answered."""

import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from localcloud.environment import ACCOUNT_ID
from localcloud.store import Store
from tests.integration.support.clouds import OwnCloud, only_local, own_cloud
from tests.integration.support.disks import full_disk, full_store, replaced_bytes, segment
from tests.integration.support.iam import TRAIN_AND_SERVE, create_role
from tests.integration.support.objects import contents
from tests.integration.support.training_jobs import IMAGE
from tests.integration.support.waiting import wait_for

pytestmark = [only_local, pytest.mark.skipif(sys.platform != "linux", reason="prlimit is Linux's")]

ONCE = Config(retries={"total_max_attempts": 1})
LARGE = b"x" * 20_000
BETWEEN = 10_000  # bytes: an object's metadata fits, LARGE does not
NO_METADATA = 150  # bytes: those of a small object fit, its metadata do not
NOTHING = 20  # bytes: no file fits


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnCloud]:
    with own_cloud(tmp_path_factory.mktemp("disk") / "cloud") as cloud:
        yield cloud


@pytest.fixture
def own(tmp_path: Path) -> Iterator[OwnCloud]:
    """Yield a cloud for one test that damages it."""
    with own_cloud(tmp_path / "cloud") as cloud:
        yield cloud


@pytest.fixture
def s3(cloud: OwnCloud) -> Any:
    return boto3.client("s3", config=ONCE)


@pytest.fixture
def bucket(s3: Any) -> str:
    """Return a bucket of the test's own with the object `kept`."""
    name = f"it-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="kept", Body=b"first", ContentType="image/png")
    return name


def restart(cloud: OwnCloud) -> None:
    cloud.run("down")
    cloud.run("up")


def refused(call: Callable[..., Any], **arguments: Any) -> str:
    """Return the sentence of a call that is answered with ServiceUnavailable, HTTP 503."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    status = response["ResponseMetadata"]["HTTPStatusCode"]
    assert (status, response["Error"]["Code"]) == (503, "ServiceUnavailable"), caught.value
    return str(response["Error"]["Message"])


KEPT = {"kept": ("image/png", b"first")}


@pytest.mark.aws(
    "S3",
    "an object is safe when PutObject is answered; a write that fails is ServiceUnavailable (503) and changes nothing",
    "approximate",
    "safe from the end of any process: a power failure can lose the objects of the last seconds",
)
@pytest.mark.correction(name="s3-unsaved-changes")
@pytest.mark.correction(name="s3-object-files")
def test_what_does_not_fit_on_the_disk_is_refused_and_not_listed(cloud: OwnCloud, s3: Any, bucket: str) -> None:
    with full_store(cloud, BETWEEN):
        for key in ("kept", "new", "folder/new"):
            sentence = refused(s3.put_object, Bucket=bucket, Key=key, Body=LARGE)
            assert sentence.startswith("The local cloud cannot save it: [Errno 27]")
        assert contents(s3, bucket) == KEPT
    restart(cloud)
    assert contents(s3, bucket) == KEPT
    s3.put_object(Bucket=bucket, Key="kept", Body=LARGE)
    assert contents(s3, bucket)["kept"][1] == LARGE


def test_bytes_and_metadata_of_an_object_change_together(cloud: OwnCloud, s3: Any, bucket: str) -> None:
    with full_store(cloud, NO_METADATA):
        refused(s3.put_object, Bucket=bucket, Key="kept", Body=b"second")
        refused(s3.copy_object, Bucket=bucket, Key="copy", CopySource=f"{bucket}/kept")
        refused(s3.put_object_tagging, Bucket=bucket, Key="kept", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
        assert s3.get_object_tagging(Bucket=bucket, Key="kept")["TagSet"] == []
    restart(cloud)
    assert contents(s3, bucket) == KEPT


def test_a_bucket_that_cannot_be_filled_can_be_emptied(cloud: OwnCloud, s3: Any, bucket: str) -> None:
    with full_store(cloud, 0):
        s3.delete_object(Bucket=bucket, Key="kept")
        assert contents(s3, bucket) == {}


def test_an_upload_in_parts_can_be_completed_again(cloud: OwnCloud, s3: Any, bucket: str) -> None:
    upload: dict[str, Any] = {"Bucket": bucket, "Key": "parts"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    etag = s3.upload_part(**upload, PartNumber=1, Body=LARGE)["ETag"]
    parts: Any = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    with full_store(cloud, BETWEEN):
        refused(s3.complete_multipart_upload, **upload, MultipartUpload=parts)
        assert contents(s3, bucket) == KEPT
    s3.complete_multipart_upload(**upload, MultipartUpload=parts)
    assert contents(s3, bucket)["parts"][1] == LARGE


def versioned(s3: Any, bucket: str, body: bytes) -> str:
    """Turn versioning on and put one more version of `kept`; returns its id."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return str(s3.put_object(Bucket=bucket, Key="kept", Body=body)["VersionId"])


def versions(s3: Any, bucket: str) -> list[tuple[str, bool]]:
    reply = s3.list_object_versions(Bucket=bucket)
    return [(one["VersionId"], one["IsLatest"]) for one in reply["Versions"] + reply.get("DeleteMarkers", [])]


def test_a_version_that_cannot_be_saved_replaces_none(cloud: OwnCloud, s3: Any, bucket: str) -> None:
    version_id = versioned(s3, bucket, LARGE)
    before = versions(s3, bucket)
    with full_store(cloud, 0):
        refused(s3.put_object, Bucket=bucket, Key="kept", Body=b"small")
    restart(cloud)
    assert versions(s3, bucket) == before
    assert s3.get_object(Bucket=bucket, Key="kept", VersionId=version_id)["Body"].read() == LARGE


@pytest.mark.correction(name="s3-delete-markers")
def test_a_delete_marker_that_cannot_be_saved_hides_nothing(cloud: OwnCloud, s3: Any, bucket: str) -> None:
    versioned(s3, bucket, b"second")
    before = versions(s3, bucket)
    with full_store(cloud, 0):
        refused(s3.delete_object, Bucket=bucket, Key="kept")
        refused(s3.delete_objects, Bucket=bucket, Delete={"Objects": [{"Key": "kept"}]})
    assert versions(s3, bucket) == before
    restart(cloud)
    assert versions(s3, bucket) == before


@pytest.mark.correction(name="s3-deletions")
def test_an_object_whose_bytes_stay_is_not_deleted(cloud: OwnCloud, s3: Any, bucket: str) -> None:
    with full_disk(cloud, NOTHING):  # bytes that are there cannot be changed either
        refused(s3.delete_object, Bucket=bucket, Key="kept")
    assert contents(s3, bucket) == KEPT


@pytest.mark.correction(name="s3-deleted-versions")
@pytest.mark.correction(name="s3-displaced-versions")
@pytest.mark.correction(name="s3-found-versions")
def test_versions_are_kept_until_they_are_deleted_and_take_no_room_after(cloud: OwnCloud, s3: Any, bucket: str) -> None:
    ids = [versioned(s3, bucket, number * LARGE) for number in (1, 2, 3)]
    restart(cloud)
    bodies = [s3.get_object(Bucket=bucket, Key="kept", VersionId=one)["Body"].read() for one in ids]
    assert bodies == [LARGE, 2 * LARGE, 3 * LARGE]
    s3.delete_object(Bucket=bucket, Key="kept", VersionId=ids[2])
    assert contents(s3, bucket)["kept"][1] == 2 * LARGE
    s3.delete_object(Bucket=bucket, Key="kept", VersionId=ids[1])
    s3.delete_object(Bucket=bucket, Key="kept", VersionId=ids[0])
    assert contents(s3, bucket) == KEPT
    cloud.run("down")
    alive = Store()
    alive.open(cloud.state / "objects")
    names = [name for name in alive.names() if name.startswith(f"{ACCOUNT_ID}/{bucket}/")]
    assert sorted(names) == [f"{ACCOUNT_ID}/{bucket}//kept", f"{ACCOUNT_ID}/{bucket}/null/kept"]
    assert [path for path in (cloud.state / "s3").rglob("*") if path.is_file()] == []
    cloud.run("up")


@pytest.mark.parametrize("left", [b"", b"fir", b"other"])
@pytest.mark.correction(name="s3-lost-bytes")
def test_an_object_with_lost_bytes_is_an_error(cloud: OwnCloud, s3: Any, bucket: str, left: bytes) -> None:
    with replaced_bytes(cloud, b"first", left):
        with pytest.raises(ClientError, match=r"InternalError.*The local cloud cannot read it"):
            s3.get_object(Bucket=bucket, Key="kept")
    assert contents(s3, bucket) == KEPT


@pytest.mark.correction(name="s3-lost-versions")
def test_an_older_version_with_lost_bytes_is_an_error(cloud: OwnCloud, s3: Any, bucket: str) -> None:
    version_id = versioned(s3, bucket, b"second version")
    versioned(s3, bucket, b"third")
    with replaced_bytes(cloud, b"second version", b"second vorsion"):
        with pytest.raises(ClientError, match=r"InternalError.*The local cloud cannot read it"):
            s3.get_object(Bucket=bucket, Key="kept", VersionId=version_id)


LEADING_OUT = ("../up", "a/../../up", "/absolute", "//", "a//b", "a/./b", "trailing/", ".", "..")
ODD = ("nul\0", "new\nline", "%2E", "long/" + "l" * 1019, "é" * 512)
CLASHING = ("a", "a/b", "a/b/c", "Case", "case", "CASE", ".ministack-keys/a", "a.meta.json", "a.tmp")
KEYS = (*LEADING_OUT, *ODD, *CLASHING)


@pytest.mark.aws("S3", "keys of any form up to 1,024 bytes are kept, each by itself", "exact")
def test_keys_of_any_form_are_kept(cloud: OwnCloud, s3: Any, bucket: str) -> None:
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode(), ContentType="image/png")
    expected = KEPT | {key: ("image/png", key.encode()) for key in KEYS}
    restart(cloud)
    assert contents(s3, bucket) == expected
    assert list(cloud.state.parent.rglob("*up*")) == []


@pytest.mark.aws(
    "Local cloud",
    "a full disk",
    "approximate",
    "what changed within the last second may be answered and unsaved; then every change is ServiceUnavailable until "
    "the disk takes it",
)
@pytest.mark.correction(name="state-files")
def test_changes_are_refused_while_the_state_cannot_be_saved(cloud: OwnCloud) -> None:
    iam, logs = boto3.client("iam", config=ONCE), boto3.client("logs", config=ONCE)
    iam.create_user(UserName="before")

    def is_refused() -> bool:
        try:
            logs.create_log_group(logGroupName="probe")
            logs.delete_log_group(logGroupName="probe")
        except ClientError as err:
            return err.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        return False

    with full_disk(cloud, NOTHING):
        wait_for(is_refused, 10)
        sentence = "The local cloud cannot save its state: [Errno 27] File too large. Make room on the disk."
        assert refused(iam.create_user, UserName="during") == sentence
        assert logs.describe_log_groups(logGroupNamePrefix="probe")
    wait_for(lambda: not is_refused(), 10)
    iam.create_user(UserName="after")
    restart(cloud)
    assert {user["UserName"] for user in iam.list_users()["Users"]} == {"before", "after"}


@pytest.mark.aws("SageMaker", "a request whose change cannot be saved is ServiceUnavailable (503)", "exact")
def test_a_model_that_cannot_be_saved_is_refused(cloud: OwnCloud) -> None:
    sagemaker, role = boto3.client("sagemaker", config=ONCE), create_role("full", "sagemaker", TRAIN_AND_SERVE)
    model: dict[str, Any] = {"ModelName": "m", "PrimaryContainer": {"Image": IMAGE}, "ExecutionRoleArn": role}
    with full_disk(cloud, NOTHING):
        assert "cannot save SageMaker's resources" in refused(sagemaker.create_model, **model)
        assert sagemaker.list_models()["Models"] == []
    sagemaker.create_model(**model)


@pytest.mark.aws(
    "Local cloud", "a damaged file of state is set aside as `<name>.damaged-<time>`, and the rest starts", "exact"
)
@pytest.mark.correction(name="damaged-state")
def test_damaged_files_are_set_aside_and_the_rest_starts(own: OwnCloud) -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="photos")
    for key in ("whole", "damaged"):
        s3.put_object(Bucket="photos", Key=key, Body=key.encode(), ContentType="image/png")
    boto3.client("iam").create_user(UserName="lost")
    boto3.client("logs").create_log_group(logGroupName="kept")
    boto3.client("sagemaker").list_models()
    own.run("down")
    (own.state / "ministack" / "iam.json").write_bytes(b'{"__ministack_format__": 2, "payl')
    (own.state / "ministack" / "cloudwatch.json").write_bytes(b'{"metrics": 3}')
    (own.state / "sagemaker").mkdir(exist_ok=True)
    (own.state / "sagemaker" / "resources.json").write_bytes(b"")
    content = segment(own).read_bytes()
    segment(own).write_bytes(content[:-100] + bytes(100))  # within the last object's metadata
    shown = own.output("up")
    for name in ("iam.json", "resources.json", "00000001.segment"):
        assert f"{name}.damaged-" in shown
        assert f"{name}.damaged-" in own.output("status")
    assert contents(s3, "photos") == {"whole": ("image/png", b"whole")}
    assert [one["logGroupName"] for one in boto3.client("logs").describe_log_groups()["logGroups"]] == ["kept"]
    assert "iam.json is damaged" in (own.state / "cloud.log").read_text()
