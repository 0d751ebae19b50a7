"""Gets a model's profile: from its archive in the bucket, once, or from the staged photos when the model has none."""

import tarfile
import zlib
from pathlib import Path
from typing import IO, cast

import numpy as np
from botocore.exceptions import ClientError

from training import atomic
from training.algorithm.paths import PROFILE_FILE
from training.algorithm.photo_statistics import STATISTICS, measure_photo
from training.config import local_path
from training.context import Context
from training.dataset.index import read_index
from training.refusals import is_denied
from training.results import Dataset, TrainedModel
from training.statistics.profile import Profile, ProfileError, parse

MOST_BYTES = 16 << 20  # of a profile; ours has at most some 500 kB
MOST_MEMBERS = 10_000  # of a model's archive
MOST_PHOTOS = 2000  # staged photos that are measured, in about a second
_SEED = 0


def profile_of(context: Context, model: TrainedModel, dataset: Dataset) -> Profile | None:
    """Return what captured photos are compared with, and tell the console when the model has no profile.

    AWS's algorithm writes none. Then the staged training photos show what photos look like, but nothing shows what the
    model answers to photos that it has not seen.

    Returns:
        None when the staged photos are no longer on this machine either.
    """
    try:
        found = read_profile(context, model)
    except ProfileError as err:
        context.console.print(f"{model.model_data_url}: {err}")
        found = None
    if found is not None:
        return found
    staged = profile_of_photos(dataset)
    compared = (
        "photos are compared with the staged ones, and answers with nothing"
        if staged
        else "and the staged photos are not on this machine, so that nothing is compared"
    )
    context.console.print(f"The model {model.training_job_name} has no profile of held-out photos: {compared}.")
    return staged


def read_profile(context: Context, model: TrainedModel) -> Profile | None:
    """Return the profile in a model's archive, which is kept in the run's directory; None: the model has none.

    Raises:
        ProfileError: The archive or its profile is damaged, or of another version.
    """
    path = context.directory / "profiles" / f"{model.training_job_name}.json"
    if not path.exists():
        content = _download(context, model)
        if content is None:
            return None
        parse(content)  # what is damaged is not kept
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(path, content)
    return parse(path.read_bytes())


def _download(context: Context, model: TrainedModel) -> bytes | None:
    """Read the archive up to its profile; nothing of it is written to the disk."""
    if model.program == "builtin":  # its archive has 100 MB, and no profile
        return None
    bucket, _, key = model.model_data_url.removeprefix("s3://").partition("/")
    try:
        body = context.clients.s3.get_object(Bucket=bucket, Key=key)["Body"]
        return member(cast(IO[bytes], body), PROFILE_FILE)
    except ClientError as err:
        if err.response["Error"]["Code"] in ("NoSuchKey", "NoSuchBucket"):
            return None
        if is_denied(err):
            raise ProfileError("you may not read it: take the rights of permissions.yaml of this version.") from err
        raise
    except (tarfile.TarError, EOFError, zlib.error, OSError) as err:
        raise ProfileError(f"the archive is damaged ({err}): train the model again.") from err


def member(archive: IO[bytes], name: str) -> bytes | None:
    """Return a file of a tar.gz that is read as a stream, None when it has no such file.

    Raises:
        ProfileError: The file is too large, or there are too many files.
    """
    with tarfile.open(fileobj=archive, mode="r|gz") as tar:
        for number, one in enumerate(tar):
            if number >= MOST_MEMBERS:
                raise ProfileError(f"the archive has more than {MOST_MEMBERS:,} files: train the model again.")
            if one.name.removeprefix("./") == name and one.isfile():
                if one.size > MOST_BYTES:
                    raise ProfileError(f"{name} has {one.size:,} bytes, and at most {MOST_BYTES:,} are read.")
                return cast(IO[bytes], tar.extractfile(one)).read()
    return None


def profile_of_photos(dataset: Dataset) -> Profile | None:
    """Return a profile without answers, of the staged photos that models are trained on; None: they are not here.

    Raises:
        StepNotRunError: The index of the photos is missing or damaged.
    """
    index = read_index(dataset.directory)
    keys = index[index["split"] != "test"]["s3_key"].tolist()
    chosen = np.random.default_rng(_SEED).permutation(len(keys))[:MOST_PHOTOS]
    files = [file for place in chosen if (file := local_path(dataset.directory, keys[place])).exists()]
    if not files:
        return None
    return _without_answers(dataset, files, len(keys))


def _without_answers(dataset: Dataset, files: list[Path], photos: int) -> Profile:
    channels, height, width = dataset.image_shape
    rows = np.array([measure_photo(file.read_bytes(), (height, width, channels)) for file in files])
    rows = rows[np.isfinite(rows).all(axis=1)]
    statistics = {name: rows[:, column] for column, name in enumerate(STATISTICS)}
    return Profile(photos, 0, 0, "", np.zeros(0, np.int64), np.zeros((0, 0)), statistics, dataset.fingerprint)
