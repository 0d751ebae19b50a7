import torch

from training.algorithm.data import Photos
from training.algorithm.pool import Pool


def photos(*values: int) -> Photos:
    pixels = torch.tensor(values, dtype=torch.uint8)[:, None, None, None].expand(-1, 2, 2, 3)
    return Photos(pixels, torch.tensor(values) % 10)


POOL = Pool([photos(10, 21, 32), photos(43, 54)])


def test_parts_have_rows_one_after_another() -> None:
    assert [POOL.rows(part).tolist() for part in range(2)] == [[0, 1, 2], [3, 4]]
    assert POOL.labels.tolist() == [0, 1, 2, 3, 4]


def test_pixels_come_in_the_order_of_the_rows_from_any_part() -> None:
    pixels = POOL.pixels(torch.tensor([4, 0, 3, 0]))
    assert pixels.shape == (4, 2, 2, 3) and pixels.dtype == torch.uint8
    assert pixels[:, 1, 1, 2].tolist() == [54, 10, 43, 10]
