"""The words of `batch`, and what they become."""

from typing import Any

import pytest

from training.arguments import options_for, parse
from training.options import (
    BatchOptions,
)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["images/test/"], {"source": "images/test/"}),
        (["--concurrency", "8", "photos.csv"], {"source": "photos.csv", "concurrency": 8}),
        (["--retry"], {"retry": "last"}),
        (["--retry", "20260101-000000-abcd"], {"retry": "20260101-000000-abcd"}),
        (["--join"], {"join": "last"}),
        (["--join", "b", "--json"], {"join": "b"}),
        (["s3://b/list.jsonl", "--max-refused-share", "0"], {"source": "s3://b/list.jsonl", "max_refused_share": 0.0}),
        (["images/", "--max-failed-share", "1"], {"source": "images/", "max_failed_share": 1.0}),
    ],
)
def test_a_batch_s_words_are_its_options(words: list[str], expected: dict[str, Any]) -> None:
    assert options_for(BatchOptions, parse(["batch", *words])) == BatchOptions(**expected)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["images/", "--retry", "b"],
        ["--retry", "a", "--join", "b"],
        ["images/", "--join"],
        ["images/", "photos.csv"],
        ["images/", "--max-refused-share", "1.1"],
        ["images/", "--concurrency", "0"],
        ["--retry", "../elsewhere"],
        ["--join", "a" * 81],
    ],
)
def test_a_batch_takes_one_source_of_photos(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(["batch", *words])
    assert caught.value.code == 2 and "error" in capsys.readouterr().err
