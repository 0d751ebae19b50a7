"""Shows a dataset: a table of counts for the console and a labelled sheet of samples."""

from pathlib import Path

import pandas as pd
from PIL import Image, ImageDraw, ImageFont
from rich.table import Table

from training.config import SPLITS, local_path
from training.streams import short_name

COLUMNS = 12  # images per class
CELL = 96  # screen pixels, width and height of an image
MOST_LINES = 100  # classes; a sheet of more would be taller than viewers show
GAP = 6  # screen pixels, between images
MARGIN = 24  # screen pixels, around the sheet
LABEL_WIDTH = 210  # screen pixels
LONGEST_NAME = 30  # characters of a class, if as many fit beside the images
BACKGROUND, INK, PALE_INK = "#ffffff", "#1a1a2e", "#6b7280"


def counts(index: pd.DataFrame) -> pd.DataFrame:
    """Return the number of images per class (in label order) and split."""
    by_class = index.groupby(["label", "class_name", "split"]).size().unstack("split", fill_value=0)
    return by_class[list(SPLITS)].droplevel("label")


def table(index: pd.DataFrame, side: int) -> Table:
    """Return the images per class and split, and the shape of an image, for the console.

    Args:
        side: Pixels, width and height of an image.
    """
    by_class = counts(index)
    grid = Table(title=f"{len(index)} images of shape 3x{side}x{side}", show_footer=True)
    grid.add_column("label", justify="right")
    grid.add_column("class", footer="all", overflow="fold")
    for split in SPLITS:
        grid.add_column(split, footer=str(by_class[split].sum()), justify="right")
    for label, (name, row) in enumerate(by_class.iterrows()):
        grid.add_row(str(label), str(name), *map(str, row))
    return grid


def sample_sheet(directory: Path, index: pd.DataFrame) -> Image.Image:
    """Draw the first training images of each class in `directory`, a line per class, beside its name and counts."""
    by_class = counts(index).head(MOST_LINES)
    size = (2 * MARGIN + LABEL_WIDTH + COLUMNS * (CELL + GAP) - GAP, 2 * MARGIN + len(by_class) * (CELL + GAP) - GAP)
    sheet = Image.new("RGB", size, BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    training = index[index["split"] == "train"]
    for line, (name, row) in enumerate(by_class.iterrows()):
        top = MARGIN + line * (CELL + GAP)
        _label(draw, top + CELL // 2, str(name), " + ".join(map(str, row)))
        for column, key in enumerate(training.loc[training["class_name"] == name, "s3_key"].head(COLUMNS)):
            with Image.open(local_path(directory, key)) as photo:
                enlarged = photo.resize((CELL, CELL), Image.Resampling.LANCZOS)
            sheet.paste(enlarged, (MARGIN + LABEL_WIDTH + column * (CELL + GAP), top))
    return sheet


def _label(draw: ImageDraw.ImageDraw, middle: int, name: str, numbers: str) -> None:
    """Write a class's name above its numbers of images, level with the middle of its line."""
    font, words = ImageFont.load_default(22), name.replace("_", " ")
    lines = (short_name(words, most) for most in range(LONGEST_NAME, 0, -1))
    line = next(line for line in lines if draw.textlength(line, font) <= LABEL_WIDTH - GAP)
    draw.text((MARGIN, middle - 4), line, INK, font, anchor="ls")
    draw.text((MARGIN, middle + 6), numbers, PALE_INK, ImageFont.load_default(14), anchor="lt")
    draw.text((MARGIN, middle + 24), " + ".join(SPLITS), PALE_INK, ImageFont.load_default(14), anchor="lt")
