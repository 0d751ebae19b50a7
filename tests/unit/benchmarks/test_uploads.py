import pytest

from benchmarks.uploads import judge

UPLOADED = {("incoming/a", "1"), ("incoming/a", "2")}


@pytest.mark.parametrize(
    ("versions", "said"),
    [
        (["1", "2"], "yes"),
        (["1"], "NO: 0 twice, 1 missing, 0 foreign"),
        (["1", "2", "2"], "NO: 1 twice, 0 missing, 0 foreign"),
        (["1", "2", "3"], "NO: 0 twice, 0 missing, 1 foreign"),
    ],
)
def test_each_version_must_have_one_verdict(versions: list[str], said: str) -> None:
    assert judge(UPLOADED, [{"s3_key": "incoming/a", "version": version} for version in versions]) == said
