"""The program of scheduled runs as one archive: the package `training`, and what AWS's image lacks of its libraries."""

import io
import zipfile
from importlib.metadata import version
from pathlib import Path

from training.config import CODE_PREFIX
from training.programs.code import digest_of
from training.programs.program import Code

PACKAGE = Path(__file__).parents[1]
SUFFIXES = (".py", ".j2")
ARCHIVE = "watch.zip"
# What `training.watch.job` imports. AWS's image has some of it, which is left as it is; the rest is installed.
DISTRIBUTIONS = ("boto3", "jinja2", "matplotlib", "numpy", "pandas", "pillow", "rich", "scipy")
NO_DATE = (1980, 1, 1, 0, 0, 0)  # the archive's first: equal files make equal archives


def read_program(bucket: str) -> Code:
    """Return the archive under the URI that it has, or will have: none of those of the code of training jobs."""
    files = {path.relative_to(PACKAGE.parent).as_posix(): path.read_bytes() for path in sources()}
    files["requirements.txt"] = "".join(f"{name}=={version(name)}\n" for name in DISTRIBUTIONS).encode()
    return Code(f"s3://{bucket}/{CODE_PREFIX}/watch-{digest_of(files)}/", {ARCHIVE: pack(files)})


def sources() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*") if path.suffix in SUFFIXES)


def pack(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, NO_DATE), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
