"""What the endpoint captured, as a table to select from."""

from datetime import UTC, datetime
from functools import partial

import pandas as pd

from training import sent_photos
from training.captures.progress import FILES, counting
from training.captures.reader import CaptureReader
from training.captures.source import SLACK, Source
from training.context import Context
from training.dataset.index import read_index
from training.report import inferences
from training.results import Dataset


def read(context: Context, dataset: Dataset, since: datetime) -> pd.DataFrame:
    """Return the captured inferences since a time, in chronological order, without those of photos that were tried.

    Returns:
        The columns of `inferences.join` (`s3_key` and `true_class` are missing where the photo is not a staged one),
        `event_id` and `inference_id` ("" when the request had none).

    Raises:
        CaptureError: The captured inferences cannot be read, or are those of other classes.
    """
    stack = context.stack
    source = Source(context.clients.s3, stack.bucket, stack.endpoint_name, dataset.image_shape)
    reader = CaptureReader(source, context.directory, context.console.print, partial(counting, context.console, FILES))
    captured = reader.read(since, datetime.now(UTC) + SLACK)
    indexes = (read_index(dataset.directory), sent_photos.read(context.directory, dataset.classes))
    images = pd.concat([inferences.known_images(index) for index in indexes], ignore_index=True)
    table = inferences.join(captured, images, dataset.classes, stack.confidence_threshold)
    ids = {"event_id": captured["event_id"], "inference_id": captured["inference_id"].fillna("")}
    return table.assign(**ids).drop_duplicates("event_id", ignore_index=True)
