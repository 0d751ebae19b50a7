"""What traffic costs on AWS, from the number of its photos and the way that they take."""

from training.costs import estimate, prices
from training.costs.batch import LOG_GB, PHOTO_SECONDS, VERDICT_GB
from training.costs.estimate import CAPTURE_GB, FUNCTIONS, PHOTO_GB, PUTS, Line, line

FUNCTION_GB = 0.25  # memory of a function
EXPRESS_GB = 0.0625  # an Express execution is billed by 64 MB
SECONDS_A_UPLOAD = 0.3  # of classifyUploads and of the Express execution that it waits for; assumed
LISTS_A_SECOND = 2  # for verdicts


def execution_lines(region: str, photos: int, files: int) -> list[Line]:
    """Return the lines of executions.

    Args:
        files: That are uploaded first.
    """
    stored = [("services", prices.S3_PUT, files), ("services", prices.S3_GB_MONTH, files * PHOTO_GB)]
    return [
        estimate.executions(region, photos),
        line(region, "photos in S3", f"{files:,} different ones, a month", stored),  # type: ignore[arg-type]  # literals
        captures(region, photos),
    ]


def upload_lines(region: str, photos: int, seconds: float) -> list[Line]:
    """Return the lines of uploads that last so long."""
    calls = photos * FUNCTIONS
    return [
        line(
            region,
            "uploads, Lambda and Express",
            f"{photos:,} photos one at a time; EventBridge and SQS, about 3 USD a million, come on top",
            [
                ("services", prices.LAMBDA_REQUEST, calls + photos),
                ("services", prices.LAMBDA_GB_SECOND, photos * (PHOTO_SECONDS + SECONDS_A_UPLOAD) * FUNCTION_GB),
                ("services", prices.EXPRESS_REQUEST, photos),
                ("services", prices.EXPRESS_GB_SECOND, photos * SECONDS_A_UPLOAD * EXPRESS_GB),
                ("services", prices.LOG_GB, (calls + photos) * LOG_GB),
            ],
        ),
        line(
            region,
            "uploads, S3",
            "photo, verdict and tag written, read and listed, kept for a month",
            [
                ("services", prices.S3_PUT, photos * 3 + seconds * LISTS_A_SECOND),
                ("services", prices.S3_GET, photos * 4),
                ("services", prices.S3_GB_MONTH, photos * (PHOTO_GB + VERDICT_GB)),
            ],
        ),
        captures(region, photos),
    ]


def captures(region: str, photos: int) -> Line:
    """Return the line of what data capture keeps where it is on."""
    kept = [("services", prices.S3_PUT, photos * PUTS), ("services", prices.S3_GB_MONTH, photos * CAPTURE_GB)]
    return line(region, "captured inferences", f"of {photos:,} photos, at most, a month", kept)  # type: ignore[arg-type]  # literals
