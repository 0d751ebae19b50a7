"""The order in which captured photos are tested for drift: hour after hour, and within an hour at random.

A batch sends its photos in an order of its own, often one class after the other. Independent photos that were sorted
are independent photos again after a random permutation, so that tests for a change of the stream keep their bounds. The
permutation must not depend on what the photos show: the digests of event ids, which SageMaker draws at random, give one
that is the same each time. A change that lasts is found in the hour after it at the latest.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd


def shuffled_within_hours(captured: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Return the rows of captured inferences, (n,), in the order to test them in.

    Args:
        captured: With the columns `time` and `event_id` of `frames.frame`.
    """
    digests = pd.util.hash_array(captured["event_id"].to_numpy(object), categorize=False)
    return np.lexsort((digests, captured["time"].dt.floor("h").to_numpy()))
