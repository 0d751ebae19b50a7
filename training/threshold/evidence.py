"""The labelled answers that thresholds are judged by: photos that the model was not trained on, each once."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from training.config import COMPARISON_ID
from training.context import Context
from training.csv_files import read_texts
from training.errors import MissingEndpointError, StepNotRunError, ThresholdError
from training.predictions import FILENAME, keep, kept, predict
from training.profiles import read_profile
from training.provenance import check_served_dataset, served_models
from training.results import Dataset, TrainedModel, load
from training.review import answers
from training.review.selection import ACCEPTED
from training.statistics.profile import ProfileError

HELD_OUT, REVIEWED = "held out", "reviewed"
COLUMNS: dict[str, Any] = {"true_class": str, "predicted_class": str, "confidence": float}


@dataclass(frozen=True)
class Evidence:
    """Labelled answers of one kind; kinds are never mixed, because their photos come from different places."""

    kind: str  # HELD_OUT or REVIEWED
    sentence: str  # what the answers are
    photos: pd.DataFrame  # one row each, with the columns of COLUMNS

    @property
    def classes(self) -> list[str]:
        """The names of the classes that were predicted or true, in alphabetical order."""
        return sorted({*self.photos["true_class"], *self.photos["predicted_class"]} - {answers.NONE_OF_THESE})


def held_out(context: Context, path: str | None) -> Evidence:
    """Return the answers to held-out photos: of a file, the test photos' that deploy kept, or those of the profile.

    Raises:
        ThresholdError: The file or the profile cannot be read.
        EndpointError: Nothing was kept, there is no endpoint of the staged dataset to ask, and the model has no profile
            with answers.
    """
    if path is not None:
        return of_file(Path(path))
    table = kept(context.directory)
    if table is None:
        try:
            table = ask(context)
        except MissingEndpointError:
            if (found := of_profile(context)) is None:
                raise
            return found
    model = table["model"].iloc[0] if len(table) else "no model"
    return evidence(HELD_OUT, f"test photos, answered by {model}", table, context.directory / FILENAME)


def ask(context: Context) -> pd.DataFrame:
    """Return what the endpoint, deployed by a version that kept no answers, says of the test photos; keeps it."""
    dataset = load(context.directory, "stage", Dataset)
    check_served_dataset(context, dataset)
    models = ", ".join(served_models(context))
    predictions = predict(context, dataset, context.stack.endpoint_name, lambda _: COMPARISON_ID)
    keep(context.directory, predictions, dataset, models)
    table = kept(context.directory)
    assert table is not None
    return table


def of_profile(context: Context) -> Evidence | None:
    """Return what the trained model answered to photos that its networks had not seen; None: nobody kept that.

    Epoch and temperature were chosen by these photos, which flatters the model a little: test photos come first.

    Raises:
        ThresholdError: The model's profile is damaged, or of another version.
    """
    try:
        dataset, model = load(context.directory, "stage", Dataset), load(context.directory, "train", TrainedModel)
    except StepNotRunError:
        return None
    try:
        profile = read_profile(context, model)
        if profile is None or not len(profile.labels):
            return None
        profile.values(dataset.classes)  # of as many classes
    except ProfileError as err:
        raise ThresholdError(f"The profile of {model.training_job_name} cannot be used: {err}") from err
    names, labels = np.array(dataset.classes, dtype=object), profile.probabilities.argmax(axis=1)
    columns = {"true_class": names[profile.labels], "predicted_class": names[labels]}
    table = pd.DataFrame(columns | {"confidence": profile.probabilities.max(axis=1)})
    sentence = f"photos held out of the training of {model.training_job_name}, answered by {profile.networks}"
    return evidence(HELD_OUT, sentence, table, context.directory / "profiles")


def of_file(path: Path) -> Evidence:
    """Return the labelled answers of a CSV file; further columns do no harm, as those of the report's inferences.csv.

    Raises:
        ThresholdError: The file is missing, or no table with these columns.
    """
    try:
        texts = read_texts(path)
    except OSError as err:
        raise ThresholdError(f"{path} cannot be read ({err.strerror}): correct the path of --predictions.") from err
    except ValueError as err:
        raise ThresholdError(f"{path} is no CSV table ({err}): correct the file of --predictions.") from err
    if missing := [name for name in COLUMNS if name not in texts]:
        raise ThresholdError(
            f"{path} has no column {missing[0]}: it needs {', '.join(COLUMNS)}, one line for each photo."
        )
    labelled = texts[texts["true_class"] != ""]
    unlabelled = len(texts) - len(labelled)
    left_out = f", without {unlabelled} that have no true_class" if unlabelled else ""
    return evidence(HELD_OUT, f"photos of {path}{left_out}", labelled, path)


def evidence(kind: str, sentence: str, table: pd.DataFrame, path: Path) -> Evidence:
    """Return labelled answers, each photo's first: the same photo twice is no second witness.

    Raises:
        ThresholdError: There are none, or a confidence is no probability.
    """
    confidence = pd.to_numeric(table["confidence"], errors="coerce")
    if not confidence.between(0, 1).all():
        wrong = table.loc[~confidence.between(0, 1), "confidence"].iloc[0]
        raise ThresholdError(f"{path} has the confidence {wrong!r}: each must be a number from 0 to 1.")
    photos = table.assign(confidence=confidence)
    if "s3_key" in photos:
        photos = photos[~photos["s3_key"].duplicated() | (photos["s3_key"] == "")]
    if not len(photos):
        raise ThresholdError(f"{path} has no labelled photo: thresholds are judged by photos whose class is known.")
    return Evidence(kind, f"{len(photos):,} {sentence}", photos.reset_index(drop=True))


def reviewed(context: Context, seed: int) -> Evidence | None:
    """Return the answers that people gave about real traffic of the model in service; None when none can be used.

    Refused photos and mistakes are reviewed more often than other ones, so answers are dropped at random until each
    inference had the same chance to be among them: what is left is a simple random sample, which the proof needs.
    A photo that shows none of the classes is an error when it is accepted. Earlier models' answers do not count: of
    what they were asked, the model in service may have learned.
    """
    found, model = answers.read(context.directory), kept(context.directory)
    if model is None or not len(model):
        return None
    since = pd.Timestamp(model["time"].iloc[0])
    found = found[pd.to_datetime(found["inference_time"], utc=True, format="ISO8601") >= since]
    found = found[(found["answer"] != answers.UNUSABLE) & (found["inclusion_probability"] > 0)]
    if not (found["stratum"] == ACCEPTED).any():
        if len(found):
            context.console.print("The reviewed photos prove nothing: none is of the sample of accepted ones.")
        return None
    sample = found[equally_likely(found, seed)].rename(columns={"answer": "true_class"})
    sentence = f"reviewed photos of real traffic, of {len(found):,} (others were more likely to be reviewed)"
    return evidence(REVIEWED, sentence, sample, answers.path_of(context.directory))


def equally_likely(found: pd.DataFrame, seed: int) -> "pd.Series[bool]":
    """Return which answers stay, so that each inference of the traffic had the same chance to stay."""
    chances: pd.Series[float] = found["inclusion_probability"].min() / found["inclusion_probability"]
    numbers = [random_number(seed, event_id) for event_id in found["event_id"]]
    return chances.gt(pd.Series(numbers, index=found.index, dtype=float))


def random_number(seed: int, event_id: str) -> float:
    """Return a number in [0, 1) that does not depend on the one by which a review selects."""
    digest = hashlib.sha256(f"threshold:{seed}:{event_id}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
