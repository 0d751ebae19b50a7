"""Photos of two classes, and where SageMaker's channels expect them."""

import io

import boto3
import numpy as np
from PIL import Image


def png(label: int, seed: int = 0) -> bytes:
    """Return a noisy 32x32 image, dark for label 0 and light for label 1."""
    noise = np.random.default_rng(seed).integers(0, 100, (32, 32, 3)) + 120 * label
    buffer = io.BytesIO()
    Image.fromarray(noise.astype("uint8")).save(buffer, "PNG")
    return buffer.getvalue()


def stage_photos(bucket: str, train: int, validation: int) -> None:
    """Put so many photos of each split, and the splits' .lst files, into the bucket."""
    s3 = boto3.client("s3")
    for split, number in (("train", train), ("validation", validation)):
        for row in range(number):
            s3.put_object(Bucket=bucket, Key=f"images/{split}/{row}.png", Body=png(row % 2, row))
        rows = "".join(f"{row}\t{row % 2}\t{row}.png\n" for row in range(number))
        s3.put_object(Bucket=bucket, Key=f"lists/{split}.lst", Body=rows.encode())
