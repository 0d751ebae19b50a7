"""S3: what is stored, and what is told of it."""

from localcloud.corrections import s3, s3_store, s3_unsaved
from localcloud.corrections.correction import Correction

DURABILITY = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/DataDurability.html"

CORRECTIONS = (
    Correction(
        "s3-missing-object",
        target="ministack.services.s3:_get_object",
        digest="64ad7071ef0e",
        replace=s3.hide_missing_objects,
        aws="Answers AccessDenied for a missing object to a caller without s3:ListBucket; MiniStack NoSuchKey to all.",
        link="https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html",
    ),
    Correction(
        "s3-missing-head",
        target="ministack.services.s3:_head_object",
        digest="369c3a8482ea",
        replace=s3.hide_missing_heads,
        aws="The same for HeadObject: 403 instead of 404.",
        link="https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html",
    ),
    Correction(
        "s3-managed-key",
        target="ministack.services.s3:_resolve_sse_write_headers",
        digest="2affef5a7d37",
        replace=s3.take_the_aws_managed_key,
        aws="Encrypts with the account's aws/s3 key when aws:kms names none; MiniStack refuses the object.",
        link="https://docs.aws.amazon.com/AmazonS3/latest/userguide/specifying-kms-encryption.html",
    ),
    Correction(
        "s3-unsaved-changes",
        target="ministack.services.s3:_dispatch",
        digest="52562ee7c18b",
        replace=s3_unsaved.answer_when_saved,
        aws="Answers ServiceUnavailable to what it cannot store; MiniStack answers 200 and keeps it in memory.",
        link="https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html",
    ),
    Correction(
        "s3-object-files",
        target="ministack.services.s3:_persist_object",
        digest="cb32b6ae8706",
        replace=s3_store.save_objects,
        aws="Stores an object whole before it answers; MiniStack logs a failed write, and may replace the bytes alone.",
        link=DURABILITY,
    ),
    Correction(
        "s3-delete-markers",
        target="ministack.services.s3:_persist_delete_marker",
        digest="3181a2382f87",
        replace=s3_store.save_delete_markers,
        aws="The same for a delete marker.",
        link=DURABILITY,
    ),
    Correction(
        "s3-displaced-versions",
        target="ministack.services.s3:_persist_displaced_version",
        digest="9637289a604c",
        replace=s3_store.keep_displaced_versions,
        aws="The same for the version that another one replaces; MiniStack loses its bytes when they cannot be copied.",
        link=DURABILITY,
    ),
    Correction(
        "s3-deletions",
        target="ministack.services.s3:_delete_persisted_object",
        digest="8baff70b77c6",
        replace=s3_store.delete_objects,
        aws="Deletes what it answers 204 to; in MiniStack an object whose file stays is back after a restart.",
        link=DURABILITY,
    ),
    Correction(
        "s3-deleted-versions",
        target="ministack.services.s3:_delete_version_file",
        digest="18d01db05faf",
        replace=s3_store.delete_versions,
        aws="The same for a version, whose bytes MiniStack looks for in a file.",
        link=DURABILITY,
    ),
    Correction(
        "s3-lost-bytes",
        target="ministack.services.s3:_read_body",
        digest="596e56d63502",
        replace=s3_store.read_objects,
        aws="Never answers 200 without the object's bytes; MiniStack does when its file is missing or cut.",
        link=DURABILITY,
    ),
    Correction(
        "s3-lost-versions",
        target="ministack.services.s3:_version_body",
        digest="914e6f75ad9f",
        replace=s3_store.read_versions,
        aws="The same for an older version.",
        link=DURABILITY,
    ),
    Correction(
        "s3-found-versions",
        target="ministack.services.s3:_version_file_exists",
        digest="1567d8962bcb",
        replace=s3_store.find_versions,
        aws="Keeps every version; MiniStack looks for their files when it starts.",
        link=DURABILITY,
    ),
)
