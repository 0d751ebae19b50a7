import json
from pathlib import Path

import pytest
import torch

from tests.unit.training.algorithm.jobs import CHANNELS, make_job, stripes, write_config
from training.algorithm import data
from training.algorithm.data import check_channels, check_resources, class_counts, read_config, read_list, read_photos
from training.algorithm.errors import InputError

SHAPE = (16, 16, 3)


def write_list(directory: Path, text: str) -> Path:
    (directory / "train.lst").write_text(text)
    return directory


def test_photos_are_read_in_the_order_of_their_list(tmp_path: Path) -> None:
    photos = read_photos(make_job(tmp_path, train=(2, 3)), "train", 2, SHAPE)
    assert photos.pixels.dtype == torch.uint8 and photos.pixels.shape == (5, *SHAPE)
    assert photos.labels.tolist() == [0, 0, 1, 1, 1]
    assert torch.equal(photos.pixels[2:], torch.from_numpy(stripes(1, 3)))


def test_list_rows(tmp_path: Path) -> None:
    write_list(tmp_path, "0\t1\ta b.png\n\n17\t0\tsub/c.png\n")
    assert read_list(tmp_path, 2) == [(1, "a b.png"), (0, "sub/c.png")]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "train.lst lists no images"),
        ("0\t1\ta.png\n1\t2\tb.png\n", "train.lst, line 2: class 2 is out of range, num_classes is 2 (0 to 1)"),
        ("0\t-1\ta.png\n", "train.lst, line 1: expected row<TAB>class<TAB>file name"),
        ("0 1 a.png\n", "expected row<TAB>class<TAB>file name, got '0 1 a.png'"),
        ("0\t1\t../a.png\n", "stay in it, got '../a.png'"),
        ("0\t1\t/a.png\n", "stay in it, got '/a.png'"),
        ("0\t1\ta\0.png\n", "expected row<TAB>class<TAB>file name"),
        (f"0\t{'1' * 5000}\ta.png\n", "expected row<TAB>class<TAB>file name"),
    ],
)
def test_bad_lists_are_refused_with_their_line(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        read_list(write_list(tmp_path, text), 2)
    assert sentence in str(caught.value)


def test_a_list_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / "train.lst").write_bytes(b"0\t1\t\xff.png\n")
    with pytest.raises(InputError, match=r"train\.lst is not UTF-8: invalid start byte at byte 4"):
        read_list(tmp_path, 2)


def test_there_must_be_exactly_one_list(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"exactly one \.lst file, not 0"):
        read_list(tmp_path, 2)
    (tmp_path / "other.lst").write_text("")
    with pytest.raises(InputError, match="not 2"):
        read_list(write_list(tmp_path, ""), 2)


def test_a_listed_file_that_is_missing_is_named(tmp_path: Path) -> None:
    base = make_job(tmp_path)
    (base / "input/data/train/1_3.png").unlink()
    with pytest.raises(InputError, match=r"Channel train has no file 1_3\.png"):
        read_photos(base, "train", 2, SHAPE)


def test_a_listed_file_that_is_no_image_is_named(tmp_path: Path) -> None:
    base = make_job(tmp_path)
    (base / "input/data/train/1_3.png").write_text("hello")
    with pytest.raises(InputError, match=r"train/1_3\.png: The bytes must be an image"):
        read_photos(base, "train", 2, SHAPE)


def test_a_listed_directory_is_named(tmp_path: Path) -> None:
    base = make_job(tmp_path)
    write_list(base / "input/data/train_lst", "0\t0\t.\n")
    with pytest.raises(InputError, match=r"train/\. cannot be read: Is a directory"):
        read_photos(base, "train", 2, SHAPE)


def test_every_class_needs_an_image() -> None:
    assert class_counts(torch.tensor([0, 2, 2, 1]), 3).tolist() == [1, 1, 2]
    with pytest.raises(InputError, match="no image of class 1, but num_classes is 3"):
        class_counts(torch.tensor([0, 2]), 3)


def test_absent_classes_are_refused_before_they_take_memory() -> None:
    with pytest.raises(InputError, match="no image of class 2, but num_classes is 1000000000000"):
        class_counts(torch.tensor([0, 1]), 10**12)


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_missing_channel_is_named(tmp_path: Path, channel: str) -> None:
    base = make_job(tmp_path)
    write_config(base, "inputdataconfig", {name: {} for name in CHANNELS if name != channel})
    with pytest.raises(InputError, match=f"Channel {channel} is missing"):
        check_channels(base)


@pytest.mark.parametrize(
    ("channel", "sentence"),
    [
        ({"ContentType": "application/x-recordio"}, "application/x-recordio"),
        ({"TrainingInputMode": "Pipe"}, "mode Pipe"),
    ],
)
def test_channels_must_hold_image_files(tmp_path: Path, channel: dict[str, str], sentence: str) -> None:
    base = make_job(tmp_path)
    check_channels(base)
    write_config(base, "inputdataconfig", dict.fromkeys(CHANNELS, channel))
    with pytest.raises(InputError, match=sentence):
        check_channels(base)


def test_one_instance_is_enough(tmp_path: Path) -> None:
    write_config(tmp_path, "resourceconfig", {"hosts": ["algo-1"]})
    check_resources(tmp_path)
    write_config(tmp_path, "resourceconfig", {"hosts": ["algo-1", "algo-2"]})
    with pytest.raises(InputError, match="one instance, but the job has 2"):
        check_resources(tmp_path)


def test_configuration_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"hyperparameters\.json is missing; SAGEMAKER_BASE_DIR"):
        read_config(tmp_path, "hyperparameters")
    write_config(tmp_path, "hyperparameters", [])
    with pytest.raises(InputError, match="must hold a JSON object"):
        read_config(tmp_path, "hyperparameters")
    (tmp_path / "input/config/hyperparameters.json").write_text(json.dumps({})[:-1])
    with pytest.raises(InputError, match="is not valid JSON"):
        read_config(tmp_path, "hyperparameters")


def test_more_pixels_than_fit_into_memory_are_refused_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = make_job(tmp_path, train=(2, 3))
    monkeypatch.setattr(data, "MOST_BYTES", 5 * 16 * 16 * 3)
    assert len(read_photos(base, "train", 2, SHAPE).labels) == 5
    monkeypatch.setattr(data, "MOST_BYTES", 5 * 16 * 16 * 3 - 1)
    with pytest.raises(
        InputError, match=r"train has 5 images, whose pixels take 3,840 bytes .* at most 3,839 are held"
    ):
        read_photos(base, "train", 2, SHAPE)
