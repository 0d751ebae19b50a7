"""What each step can be told, with units and defaults; `arguments.py` makes these from the command line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

from training.checks.limits import Limits
from training.config import PUBLIC_ARCHIVE_URL

MAX_SEED = 2**32 - 1  # numpy's and PyTorch's
LAST_BATCH = "last"  # in place of a batch's name: the last one that was started on this machine
MAX_BATCH_CONCURRENCY = 40_000  # photos; 10,000 children of a Distributed Map, each with four at once
MAX_RATE = 1000  # photos a second of traffic, on average; beyond that, one process does not keep its schedule
MAX_TRAFFIC = 200_000  # photos of one step traffic, all of which it keeps in memory
MAX_EXECUTIONS = 99_999  # of one test step; the names of executions have five digits
# The algorithms, and the machine that each trains on unless another one is chosen.
INSTANCE_TYPES = {"own": "ml.m5.large", "builtin": "ml.g4dn.xlarge"}
DERIVED_HYPERPARAMETERS = ("num_classes", "num_training_samples", "image_shape")  # the dataset decides them


DEFAULT_CLASSES = ("bicycle", "motorcycle")  # of an archive, in label order
LEAST_SIDE, MOST_SIDE = 32, 224  # pixels, width and height of a photo in the dataset
ARCHIVE_SIDE, DIRECTORY_SIDE = 32, 64  # unless another one is chosen
TEST_SHARE = 0.2  # of a directory's photos; an archive has test photos of its own

Instances = tuple[int, int]  # the least and the greatest number


@dataclass(frozen=True)
class StageOptions:
    """Which photos to stage, and how many to hold out."""

    archive: str = PUBLIC_ARCHIVE_URL  # a path, a URL, or "sample"
    archive_checksum: str | None = None  # md5:<hex> or sha256:<hex>; None: the public archive's own, or any
    sample_if_unavailable: bool = False
    images: str | None = None  # a directory with one folder of photos for each class, in place of an archive
    classes: tuple[str, ...] = ()  # in label order; none: DEFAULT_CLASSES of an archive, all folders of a directory
    image_size: int | None = None  # pixels; None: ARCHIVE_SIDE or DIRECTORY_SIDE
    validation_share: float = 0.1  # of each class's training photos, in (0, 1)
    test_share: float | None = None  # of each class's photos in a directory, in (0, 1); None: TEST_SHARE
    keep_duplicates: bool = False  # of a directory's photos that look the same
    seed: int = 0

    @property
    def side(self) -> int:
        """Pixels, width and height of a photo in the dataset."""
        return self.image_size or (DIRECTORY_SIDE if self.images else ARCHIVE_SIDE)


@dataclass(frozen=True)
class TrainOptions:
    """How to train, beyond what the dataset says."""

    instance_type: str | None = None  # None: the algorithm's of INSTANCE_TYPES
    max_runtime: int = 3600  # seconds
    hyperparameters: Mapping[str, str] = field(default_factory=dict)  # under the algorithm's names
    seed: int = 0
    algorithm: str = "own"  # or "builtin"
    image_uri: str | None = None  # of an image that holds our program; None: AWS's
    with_reviewed: bool = False  # also train on the photos that people have reviewed


@dataclass(frozen=True)
class DeployOptions:
    """How to serve the model."""

    endpoint_instance_type: str = "ml.m5.large"
    capture_percentage: int = 100  # of the requests whose input and output are captured
    expires_in: timedelta | None = timedelta(hours=8)  # until the endpoint is deleted; None: it never is
    instances: Instances = (1, 1)
    accept_worse: bool = False  # deploy a model that is worse than the one in service, beyond chance


@dataclass(frozen=True)
class ExecutionsOptions:
    """How many executions of the workflow to start."""

    executions: int = 200
    concurrency: int = 50  # executions under way at once, at most
    seed: int = 0


@dataclass(frozen=True)
class BatchOptions:
    """Which photos to classify as a batch: one of the first three says so."""

    source: str | None = None  # a prefix of the stack's bucket, or a manifest
    retry: str | None = None  # the name of a batch, or LAST_BATCH: what could not be classified
    join: str | None = None  # the name of a batch, or LAST_BATCH: no new batch
    concurrency: int | None = None  # photos under way at once; None: what the endpoint and the account bear
    max_refused_share: float | None = None  # in [0, 1]; None: the stack's
    max_failed_share: float | None = None  # in [0, 1]; None: the stack's


EXECUTIONS, UPLOADS = "executions", "uploads"  # the ways that traffic takes through the stack
# How photos of traffic may be changed, with the strength that each change has unless another one is given.
SHIFTS = {"blur": 0.5, "dark": 0.5, "contrast": 0.5, "noise": 0.5, "grey": 1.0, "jpeg": 0.5, "rotate": 0.5}


class Shift(NamedTuple):
    """A change of the photos, from a moment on."""

    kind: str  # of SHIFTS
    strength: float  # in (0, 1]
    start: float = 0.0  # seconds after the first photo

    def __str__(self) -> str:
        return f"{self.kind}:{self.strength:g}"


class Burst(NamedTuple):
    """A higher rate, again and again: at the end of each period."""

    factor: float  # of the rate
    seconds: float  # that it lasts
    every: float  # seconds, the period


@dataclass(frozen=True)
class TrafficOptions:
    """Which photos to send to the stack, when, and how they are changed."""

    rate: float  # photos a second
    duration: float  # seconds
    through: str = EXECUTIONS
    photos: str | None = None  # a directory of own photos; None: the staged test photos
    mix: tuple[tuple[str, float], ...] = ()  # classes and their weights; none: as the photos are
    corrupt: float = 0.0  # share of the photos, in [0, 1], that are replaced by files that are no usable photos
    shift: tuple[Shift, ...] = ()
    burst: Burst | None = None
    poisson: bool = False  # arrivals at random moments instead of regular ones
    wait: float = 120.0  # seconds after the last photo for outcomes that are missing
    seed: int = 0


@dataclass(frozen=True)
class ReviewOptions:
    """Which inferences to review, and how; at most one of the last three files is given."""

    refused: int = 100  # inferences to select, at most
    mistakes: int = 100  # likewise, of the accepted ones that are known to be wrong
    accepted: int = 100  # likewise, of all other accepted ones
    since: timedelta | None = None  # before now; None: since the last test began
    browser: bool = True  # open the page
    seed: int = 0
    export: str | None = None  # the page to write, which needs no server
    export_label_studio: str | None = None  # the tasks to write
    import_answers: str | None = None  # the answers to read


@dataclass(frozen=True)
class MonitorOptions:
    """How long to wait for what the endpoint captured, what the checks of it allow, and when to run by itself."""

    capture_timeout: float = 600  # seconds
    limits: Limits = field(default_factory=Limits)
    schedule: str | None = None  # of EventBridge Scheduler: rate(...) or cron(...); None: never


@dataclass(frozen=True)
class ThresholdOptions:
    """What a confidence threshold shall prove, and what decisions cost."""

    max_error: float = 0.02  # share of the accepted photos that may be wrong, in (0, 1)
    confidence: float = 0.95  # of the proof and of all intervals, in (0, 1)
    cost_of_error: float | None = None  # of an accepted photo whose class is wrong; None: nobody said
    cost_of_review: float | None = None  # of a refused photo; given with the other one
    per_class: bool = False  # also find a threshold for each predicted class
    predictions: str | None = None  # a CSV file; None: what deploy kept
    seed: int = 0  # of the choice among reviewed photos
