"""The stack's settings and the layout of what a run makes, on disk and in the bucket."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

# Prefixes in the stack's bucket. The .lst files stay outside the image prefixes: listing images lists only images.
IMAGE_PREFIX = "images"  # images/<split>/<file name>
LIST_PREFIX = "lists"  # lists/<split>.lst
CODE_PREFIX = "code"  # code/<digest>/algorithm/*.py, what training jobs run
MODEL_PREFIX = "models"  # models/<training job>/output/model.tar.gz
MANIFEST_PREFIX = "manifests"  # manifests/<batch>.jsonl, the photos of a batch
VERDICT_PREFIX = "verdicts"  # verdicts/<batch>/<map run>/*, what a batch says of each photo; verdicts/uploads/date=*/*
REVIEW_PREFIX = "review"  # review/truth/<endpoint>/*, review/photos/*, review/augmented.manifest: people's answers
TRY_PREFIX = f"{IMAGE_PREFIX}/tries"  # images/tries/*, photos that somebody tries in the page of `review`
INCOMING_PREFIX = "incoming"  # incoming/*, photos that are classified when they are uploaded
WATCH_PREFIX = "watch"  # watch/<digest>/*, what scheduled runs of monitor compare with; watch/state.json
REPORT_PREFIX = "reports"  # reports/<time>/* and reports/latest/*, what scheduled runs write
TRAFFIC_FOLDER = "traffic"  # images/traffic/<name>/* and incoming/traffic/<name>/*, photos that the step traffic sends
CAPTURE_PREFIX = "captured"  # captured/<endpoint>/<variant>/yyyy/mm/dd/hh/*.jsonl

CODE_CHANNEL = "code"  # of a training or processing job; it holds what is under one digest of CODE_PREFIX

# The tag of every SageMaker resource that a run makes; its value is the stack's name. Cleanup finds resources by it.
STACK_TAG = "stack"
# A further one, of training jobs, models, endpoint configurations and endpoints; its value is `Dataset.fingerprint`.
DATASET_TAG = "dataset-fingerprint"
# A further one, of models: which photos no training has seen. Models can be compared on the same ones.
TEST_TAG = "test-fingerprint"

# Variables that stand in for --yes and --region; the local AWS sets both.
YES_VARIABLE = "SCONES_YES"  # 1: nobody is asked before a run costs something
REGION_VARIABLE = "SCONES_REGION"

# A further one, of an endpoint that Application Auto Scaling scales: the least and the greatest number of instances.
INSTANCES_TAG = "instances"

DEFAULT_STACK_NAME = "scones-unlimited"  # samconfig.toml deploys it
STEPS = ("stage", "train", "deploy", "test", "monitor")  # in the order of `all`
COMBINED_STEPS = {"all": STEPS, "learn": STEPS[1:]}  # what a step stands for that is several
SEPARATE_STEPS = ("batch", "review", "threshold", "traffic")  # run only when asked for
NO_STEPS = ("status", "cleanup")  # run only when asked for, and without a run's directory
WITHOUT_SUMMARY = (*NO_STEPS, "threshold")  # what they find is printed by themselves
SPLITS = ("train", "validation", "test")

PUBLIC_ARCHIVE_URL = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
PUBLIC_ARCHIVE_MD5 = "eb9058c3a382ffc7106e4002c42a8d85"  # given by the publisher

PHOTOS_PER_BATCH = 40  # of one child execution; statemachine/batch_classification.asl.json has it too
INFERENCE_ID_LENGTH = 64  # characters, SageMaker's limit
VARIANT = "AllTraffic"  # the name of every production variant
COMPARISON_ID = "model-comparison"  # the InferenceId of requests that compare models: monitor leaves them out


@dataclass(frozen=True)
class Stack:
    """What the deployed CloudFormation stack offers to the steps, read from its outputs."""

    name: str
    region: str
    bucket: str
    execution_role_arn: str
    endpoint_name: str
    state_machine_arn: str
    confidence_threshold: float  # in [0, 1]; an inference below it is refused
    expiry_role_arn: str = ""  # the role that may delete the endpoint; "" for a stack of an older template
    batch_machine_arn: str = ""  # the workflow for many photos; "" likewise
    upload_machine_arn: str = ""  # the workflow for uploads; "" unless ClassifyUploads is true
    watch_role_arn: str = ""  # the role that may start scheduled runs of monitor; "" for a stack of an older template
    alert_topic_arn: str = ""  # where alarms tell; "" unless Alerts is true


def steps_of(step: str) -> tuple[str, ...]:
    """Return the steps that are run for a word of the command line, in their order."""
    return COMBINED_STEPS.get(step, (step,))


def run_directory(stack_name: str) -> Path:
    """Return `runs/<stack name>`, the directory of everything that a run makes on this machine."""
    return Path("runs") / stack_name


def command(step: str, stack_name: str) -> str:
    """Return the command line of a step, as it is typed."""
    stack = [] if stack_name == DEFAULT_STACK_NAME else ["--stack-name", stack_name]
    return shlex.join(["python", "training/run.py", step, *stack])


def image_prefix(split: str) -> str:
    """Return the prefix of a split's photos; the slash keeps out prefixes that only begin alike."""
    return f"{IMAGE_PREFIX}/{split}/"


def image_key(split: str, filename: str) -> str:
    """Return the S3 key of a photo."""
    return image_prefix(split) + filename


def traffic_prefix(prefix: str) -> str:
    """Return the prefix of what the step traffic puts below IMAGE_PREFIX or INCOMING_PREFIX."""
    return f"{prefix}/{TRAFFIC_FOLDER}/"


def list_key(split: str) -> str:
    """Return the S3 key of the list that names a split's photos and their labels."""
    return f"{LIST_PREFIX}/{split}.lst"


def capture_prefix(endpoint_name: str) -> str:
    """Return the prefix of what an endpoint captured; the slash keeps out endpoints whose names only begin alike."""
    return f"{CAPTURE_PREFIX}/{endpoint_name}/"


def candidate_name(endpoint_name: str) -> str:
    """Return the name of the endpoint, and of its configuration, that serves a new model while it is compared."""
    return f"{endpoint_name}-candidate"


def alarm_names(endpoint_name: str) -> tuple[str, str]:
    """Return the names of an endpoint's alarms, of server errors and of latency; the stack's role may read them."""
    return f"{endpoint_name}-errors", f"{endpoint_name}-latency"


def local_path(directory: str | Path, s3_key: str) -> Path:
    """Return the local file of an object: a dataset's directory mirrors the keys of the bucket."""
    return Path(directory) / s3_key


def inference_id(s3_key: str) -> str:
    """Return the InferenceId that classifyImage sends for a photo; SageMaker accepts only ASCII characters."""
    return quote(s3_key)[-INFERENCE_ID_LENGTH:]


def is_traffic(captured_id: str | None) -> bool:
    """Tell whether an inference with this id is one of the traffic: neither of a comparison of models nor a try."""
    return captured_id != COMPARISON_ID and not (captured_id or "").startswith(f"{TRY_PREFIX}/")
