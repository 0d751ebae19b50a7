"""The labelled answers that thresholds are judged by."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from tests.unit.training.fake_sagemaker import SageMaker
from tests.unit.training.fakes import MODEL, Runtime, printed
from tests.unit.training.serving import serve_model
from tests.unit.training.statistics.test_profile import content
from training.config import COMPARISON_ID
from training.context import Context
from training.csv_files import write_csv
from training.deploy import deploy
from training.errors import EndpointError, ThresholdError
from training.options import DeployOptions
from training.predictions import FILENAME
from training.results import Dataset, save
from training.review.answers import Answer, opened
from training.threshold.evidence import held_out, reviewed


def write(path: Path, *lines: tuple[str, str, object]) -> str:
    columns = ["true_class", "predicted_class", "confidence"]
    write_csv(pd.DataFrame(list(lines), columns=columns, dtype=object), path)
    return str(path)


def test_deploy_keeps_the_answers_so_that_no_endpoint_is_needed(context: Context, dataset: Dataset) -> None:
    deploy(context, dataset, MODEL, DeployOptions())
    context.clients.__dict__["sagemaker_runtime"] = None
    found = held_out(context, None)
    assert found.sentence == "4 test photos, answered by s-job"
    assert set(found.photos["predicted_class"]) == {"motorcycle"}
    assert found.photos["confidence"].tolist() == [0.8] * 4


def test_an_endpoint_of_an_earlier_version_is_asked_once(
    context: Context, dataset: Dataset, sagemaker: SageMaker
) -> None:
    save(context.directory, "stage", dataset, 1.0)
    serve_model(sagemaker, dataset)
    assert held_out(context, None).sentence == "4 test photos, answered by s-model"
    runtime = context.clients.sagemaker_runtime
    assert isinstance(runtime, Runtime)
    assert {request["InferenceId"] for request in runtime.requests} == {COMPARISON_ID}
    held_out(context, None)
    assert len(runtime.requests) == 4


def test_without_an_endpoint_the_sentence_says_what_to_run(context: Context, dataset: Dataset) -> None:
    save(context.directory, "stage", dataset, 1.0)
    with pytest.raises(EndpointError, match=r"There is no endpoint s: run `python training/run.py deploy` first\."):
        held_out(context, None)


def keep_profile(context: Context, dataset: Dataset, **changes: object) -> None:
    """Save the results of stage and train, and a model's profile; there is no endpoint."""
    save(context.directory, "stage", dataset, 1.0)
    save(context.directory, "train", MODEL, 1.0)
    (context.directory / "profiles").mkdir()
    (context.directory / "profiles" / "s-job.json").write_bytes(content(**changes))


def test_without_an_endpoint_the_profile_has_answers(context: Context, dataset: Dataset) -> None:
    answers = [[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]]
    keep_profile(context, dataset, labels=[0, 1, 0], probabilities=answers, networks="epoch 7")
    found = held_out(context, None)
    assert found.sentence == "3 photos held out of the training of s-job, answered by epoch 7"
    assert found.photos["true_class"].tolist() == ["bicycle", "motorcycle", "bicycle"]
    assert found.photos["predicted_class"].tolist() == ["bicycle", "motorcycle", "motorcycle"]
    assert found.photos["confidence"].tolist() == [0.9, 0.8, 0.7]


def test_a_profile_that_cannot_be_used_is_said(context: Context, dataset: Dataset) -> None:
    keep_profile(context, dataset, labels=[0], probabilities=[[0.5, 0.3, 0.2]])
    with pytest.raises(ThresholdError, match=r"The profile of s-job cannot be used: .* has 3 classes"):
        held_out(context, None)


def test_a_profile_without_answers_is_none(context: Context, dataset: Dataset) -> None:
    keep_profile(context, dataset, labels=[], probabilities=[])
    with pytest.raises(EndpointError, match="There is no endpoint s"):
        held_out(context, None)


def test_damaged_answers_are_asked_again(context: Context, dataset: Dataset, sagemaker: SageMaker) -> None:
    save(context.directory, "stage", dataset, 1.0)
    serve_model(sagemaker, dataset)
    (context.directory / FILENAME).write_text("model,s3")
    assert len(held_out(context, None).photos) == 4


def test_a_file_is_read_with_further_columns_and_each_photo_once(context: Context, tmp_path: Path) -> None:
    path = tmp_path / "inferences.csv"
    keys = ["k1", "k1", "k2", "", ""]
    table = pd.DataFrame({"time": "now", "s3_key": keys, "true_class": ["a", "a", "", "b", "b"]})
    write_csv(table.assign(predicted_class="a", confidence=[0.9, 0.8, 0.7, 0.6, 0.6]), path)
    found = held_out(context, str(path))
    assert found.photos["confidence"].tolist() == [0.9, 0.6, 0.6]
    assert found.sentence == f"3 photos of {path}, without 1 that have no true_class"


@pytest.mark.parametrize("confidence", ["1.2", "nan", "much", "", -0.1])
def test_a_confidence_that_is_none_is_refused(context: Context, tmp_path: Path, confidence: object) -> None:
    path = write(tmp_path / "p.csv", ("a", "a", 0.9), ("a", "a", confidence))
    with pytest.raises(ThresholdError, match="each must be a number from 0 to 1"):
        held_out(context, path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read .No such file or directory.: correct the path of --predictions"),
        ("", "is no CSV table"),
        ("true_class,confidence\na,0.5\n", "has no column predicted_class: it needs true_class, predicted_class"),
        ("true_class,predicted_class,confidence\n", "has no labelled photo"),
        ("true_class,predicted_class,confidence\n,a,0.9\n", "has no labelled photo"),
    ],
)
def test_a_file_that_does_not_serve_is_refused(
    context: Context, tmp_path: Path, content: str | None, sentence: str
) -> None:
    path = tmp_path / "p.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ThresholdError, match=sentence):
        held_out(context, str(path))


def test_a_later_deployment_replaces_the_answers(context: Context, dataset: Dataset) -> None:
    deploy(context, dataset, MODEL, DeployOptions())
    deploy(context, dataset, replace(MODEL, training_job_name="s-next"), DeployOptions(accept_worse=True))
    assert held_out(context, None).sentence == "4 test photos, answered by s-next"


def answer(number: int, stratum: str, chance: float, **fields: object) -> Answer:
    given: dict[str, object] = {"answer": "bicycle", "inference_time": "2999-01-01T00:00:00+00:00", **fields}
    return Answer(
        event_id=f"e{number}",
        inference_id="",
        s3_key=f"incoming/{number}.png",
        version="",
        time="2999-01-02T00:00:00+00:00",
        stratum=stratum,
        inclusion_probability=chance,
        predicted_class="bicycle",
        confidence=0.8 if stratum == "refused" else 0.97,
        threshold=0.93,
        **given,  # type: ignore[arg-type]  # texts
    )


def review(context: Context, *given: Answer) -> None:
    with opened(context.directory) as journal:
        for one in given:
            journal.add(one)


def test_reviewed_photos_count_as_a_random_sample_of_the_traffic(context: Context, dataset: Dataset) -> None:
    """400 refused ones were all reviewed, and a quarter of the accepted: a quarter of the refused stays."""
    deploy(context, dataset, MODEL, DeployOptions())
    refused = [answer(number, "refused", 1.0, answer="none of these") for number in range(400)]
    accepted = [answer(1000 + number, "accepted", 0.25) for number in range(100)]
    review(context, *refused, *accepted)
    found = reviewed(context, 0)
    assert found is not None
    kinds = found.photos["stratum"].value_counts()
    assert kinds["accepted"] == 100
    assert 70 <= kinds["refused"] <= 130
    assert set(found.photos["true_class"]) == {"none of these", "bicycle"}
    assert found.sentence.startswith(f"{len(found.photos)} reviewed photos of real traffic, of 500")
    other = reviewed(context, 1)
    assert other is not None
    assert set(other.photos["event_id"]) != set(found.photos["event_id"])


def test_photos_that_nobody_can_tell_and_those_of_earlier_models_do_not_count(
    context: Context, dataset: Dataset
) -> None:
    deploy(context, dataset, MODEL, DeployOptions())
    before = answer(2, "accepted", 1.0, inference_time="2020-01-01T00:00:00+00:00")
    review(context, answer(1, "accepted", 1.0, answer="unusable"), before, answer(3, "accepted", 1.0))
    found = reviewed(context, 0)
    assert found is not None
    assert found.photos["event_id"].tolist() == ["e3"]


def test_refused_photos_alone_prove_nothing(context: Context, dataset: Dataset) -> None:
    deploy(context, dataset, MODEL, DeployOptions())
    assert reviewed(context, 0) is None
    review(context, answer(1, "refused", 1.0))
    assert reviewed(context, 0) is None
    assert "none is of the sample of accepted ones" in printed(context)


def test_without_a_deployment_no_answer_counts(context: Context) -> None:
    review(context, answer(3, "accepted", 1.0))
    assert reviewed(context, 0) is None
