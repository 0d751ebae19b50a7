"""The index comes back as it was written, whatever the classes are called."""

from pathlib import Path

import pandas as pd
import pytest

from training.dataset.index import read_index, write_index


@pytest.mark.parametrize("class_name", ["bicycle", "null", "NaN", "1", "1e5", "true", ""])
def test_a_class_keeps_its_name(tmp_path: Path, class_name: str) -> None:
    line = {"split": "test", "filename": "007.png", "label": 3, "class_name": class_name, "row": 12, "s3_key": "007"}
    written = pd.DataFrame([line])
    write_index(written, tmp_path)
    pd.testing.assert_frame_equal(read_index(tmp_path), written)
