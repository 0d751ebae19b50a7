"""Archives of models, as a training job leaves them."""

import io
import tarfile
from collections.abc import Mapping


def archive_of(files: Mapping[str, bytes]) -> bytes:
    """Return a tar.gz of files by their names."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
