"""The package `training/algorithm` in the bucket, for the images of AWS, which do not have it.

Its prefix has a digest of the files in its name, so a job that runs reads what it was created with, whatever is staged
meanwhile, and the same files are sent once.
"""

import hashlib
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from training.config import CODE_PREFIX
from training.programs.program import Code

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PACKAGE = Path(__file__).parents[1] / "algorithm"
DIGEST_LENGTH = 16  # hexadecimal digits of SHA-256


def read_code(bucket: str) -> Code:
    """Return the package's files under the URI that they have, or will have, in the bucket."""
    files = {path.relative_to(PACKAGE.parent).as_posix(): path.read_bytes() for path in sorted(PACKAGE.rglob("*.py"))}
    return Code(f"s3://{bucket}/{CODE_PREFIX}/{digest_of(files)}/", files)


def digest_of(files: Mapping[str, bytes]) -> str:
    """Return a name for the content of files and their names."""
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:DIGEST_LENGTH]


def kind_of(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def stage_code(code: Code, s3: "S3Client") -> int:
    """Send the files that are not in the bucket yet; returns how many were sent."""
    bucket, _, prefix = code.uri.removeprefix("s3://").partition("/")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    stored = {item["Key"]: item["Size"] for page in pages for item in page.get("Contents", [])}
    missing = {name: content for name, content in code.files.items() if stored.get(prefix + name) != len(content)}
    for name, content in missing.items():
        s3.put_object(Bucket=bucket, Key=prefix + name, Body=content, ContentType=kind_of(name))
    return len(missing)
