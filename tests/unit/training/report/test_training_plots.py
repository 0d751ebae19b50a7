"""Scope: the metrics that a training leaves become its curve."""

import pandas as pd

from tests.unit.training.report.tables import CLASSES, THRESHOLD, draw
from training.job_metrics import metric_rows
from training.report.training_plots import training_curve

LOG = [
    "Epoch[0] Train-accuracy=0.53",
    "Epoch[0] Train-cross-entropy=0.885",
    "Epoch[0] Validation-accuracy=0.6625",
    "Epoch[1] Train-accuracy=0.7",
    "Epoch[1] Train-cross-entropy=0.6",
    "Epoch[1] Validation-accuracy=0.8",
    "Kept epoch 1, temperature 0.600: accuracy on 80 unseen images 0.9500 (0.8783 to 0.9804), by epoch 1.",
]


def metrics(lines: list[str]) -> pd.DataFrame:
    return pd.DataFrame([row for line in lines for row in metric_rows(line)])


def test_accuracies_and_losses_are_drawn_by_epoch_from_1_on() -> None:
    accuracies, losses = draw(training_curve(metrics(LOG), THRESHOLD, CLASSES)).axes
    lines = {line.get_label(): line.get_xydata().tolist() for line in accuracies.lines}  # type: ignore[union-attr]
    assert lines["training photos"] == [[1, 0.53], [2, 0.7]]
    assert lines["validation photos"] == [[1, 0.6625], [2, 0.8]]
    assert losses.lines[0].get_xydata().tolist() == [[1, 0.885], [2, 0.6]]  # type: ignore[union-attr]


def test_the_kept_epoch_has_its_accuracy_and_interval() -> None:
    figure = draw(training_curve(metrics(LOG), THRESHOLD, CLASSES))
    told = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "kept, epoch 2: 95.0% of unseen photos, with 95 % interval" in told


def test_a_log_without_losses_and_unseen_photos_is_one_panel() -> None:
    lines = [line for line in LOG if "cross-entropy" not in line and "Kept" not in line]
    figure = draw(training_curve(metrics(lines), THRESHOLD, CLASSES))
    assert len(figure.axes) == 1 and len(figure.legends[0].get_texts()) == 2
