"""Draws a sample archive: bicycles and motorcycles, in the public archive's own format, for when there is no archive.

The drawings vary in place, size, tilt, colours, scenery, light, sharpness and noise. What tells the two vehicles
apart varies as well: the heavier a bicycle and the lighter a motorcycle is built, the more they look alike, so that
a model is sure of most images and unsure of some.
"""

import gzip
import io
import math
import pickle
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

VERSION = 1  # of the drawings; a new number makes a new file
TRAIN, TEST = 400, 100  # images per class
SIZE = 32  # pixels, width and height of an image
CANVAS = 4 * SIZE  # pixels, width and height of a drawing before it is scaled down
VEHICLES = ("bicycle", "motorcycle")
# https://www.cs.toronto.edu/~kriz/cifar.html; a label is the position in the alphabetical list
CLASS_NAMES = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish
forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle
mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle wardrobe whale willow_tree
wolf woman worm
""".split()
COARSE_NAMES = """
aquatic_mammals fish flowers food_containers fruit_and_vegetables household_electrical_devices household_furniture
insects large_carnivores large_man-made_outdoor_things large_natural_outdoor_scenes large_omnivores_and_herbivores
medium_mammals non-insect_invertebrates people reptiles small_mammals trees vehicles_1 vehicles_2
""".split()

Point = tuple[float, float]
Colour = tuple[int, int, int]


def write(directory: Path, seed: int = 0) -> Path:
    """Return the sample archive in `directory`, drawn now unless it is there."""
    path = directory / f"sample-{VERSION}-{seed}.tar.gz"
    if not path.exists():
        random = np.random.default_rng(seed)
        train, test = _photos(TRAIN, "training", random), _photos(TEST, "testing", random)
        meta = {"fine_label_names": CLASS_NAMES, "coarse_label_names": COARSE_NAMES}
        pack(path, {"train": train, "test": test, "meta": meta})
    return path


def pack(path: Path, members: Mapping[str, Mapping[str, Any]]) -> None:
    """Write `members` as the pickles of an archive in CIFAR-100's format; the same members give the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    with gzip.GzipFile(part, "wb", compresslevel=6, mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as tar:
        for name, content in members.items():
            file = io.BytesIO()
            _Python2Pickler(file, protocol=2).dump(dict(content))
            member = tarfile.TarInfo(f"cifar-100-python/{name}")
            member.size = file.tell()
            file.seek(0)
            tar.addfile(member, file)
    part.replace(path)


class _Python2Pickler(pickle._Pickler):
    """Writes text and bytes as Python 2 did, like the public archive: both are its `str`."""

    def save_bytes(self, value: bytes) -> None:
        self._save(value, value)

    def save_str(self, value: str) -> None:
        self._save(value, value.encode())

    def _save(self, value: str | bytes, content: bytes) -> None:
        self.write(pickle.BINSTRING + len(content).to_bytes(4, "little") + content)  # type: ignore[attr-defined]  # not in typeshed
        self.memoize(value)  # type: ignore[attr-defined]  # not in typeshed

    dispatch: ClassVar[dict[type, Any]] = {**pickle._Pickler.dispatch, bytes: save_bytes, str: save_str}


def _photos(per_class: int, batch: str, random: np.random.Generator) -> dict[str, Any]:
    """Draw `per_class` images of each vehicle, shuffled, under the archive's own keys."""
    names = random.permutation(np.repeat(VEHICLES, per_class)).tolist()
    images = np.stack([draw(name, random) for name in names])
    return {
        "filenames": [f"{name}_s_{number:06d}.png" for number, name in enumerate(names)],
        "batch_label": f"{batch} batch 1 of 1",
        "fine_labels": [CLASS_NAMES.index(name) for name in names],
        "coarse_labels": [COARSE_NAMES.index("vehicles_1")] * len(names),
        "data": images.transpose(0, 3, 1, 2).reshape(len(names), -1),
    }


def draw(vehicle: str, random: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Return one image of a bicycle or motorcycle, shape (height, width, 3)."""
    image = _scenery(random)
    sketch = _Sketch(image, random)
    {"bicycle": _bicycle, "motorcycle": _motorcycle}[vehicle](sketch, random)
    if random.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    image = image.filter(ImageFilter.GaussianBlur(random.exponential(1.5)))
    small = np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BOX), dtype=np.float64)
    light, contrast = random.normal(0, 18), random.uniform(0.6, 1.15)
    noise = random.normal(0, random.uniform(1, 14), small.shape)
    return np.clip((small - 128) * contrast + 128 + light + noise, 0, 255).astype(np.uint8)


def _scenery(random: np.random.Generator) -> Image.Image:
    """Return a plain studio, or a sky above a ground with things standing about."""
    if random.random() < 0.3:
        return Image.new("RGB", (CANVAS, CANVAS), _pale(random, 190, 256))
    image = Image.new("RGB", (CANVAS, CANVAS), _pale(random, 110, 250))
    pen = ImageDraw.Draw(image)
    horizon = int(random.uniform(0.3, 0.8) * CANVAS)
    for _ in range(random.integers(0, 7)):
        left, width, height = random.uniform(-0.1, 1, 3) * CANVAS * (1, 0.3, 0.6)
        pen.rectangle((left, horizon - abs(height), left + abs(width), horizon), _pale(random, 40, 220))
    pen.rectangle((0, horizon, CANVAS, CANVAS), _pale(random, 70, 210))
    return image


def _colour(random: np.random.Generator, low: int, high: int) -> Colour:
    red, green, blue = random.integers(low, high, 3).tolist()
    return red, green, blue


def _pale(random: np.random.Generator, low: int, high: int) -> Colour:
    """Return a colour that is mostly grey: the scenery should not outshine the vehicle."""
    grey = int(random.integers(low, high))
    red, green, blue = ((2 * grey + part) // 3 for part in _colour(random, low, high))
    return red, green, blue


class _Sketch:
    """A pen on an image, in the vehicle's own coordinates: axles at (-1, 0) and (1, 0), y upwards."""

    def __init__(self, image: Image.Image, random: np.random.Generator) -> None:
        self.pen = ImageDraw.Draw(image)
        self.scale = CANVAS * random.uniform(0.2, 0.29)  # pixels per unit
        self.tilt = random.normal(0, 0.12)  # radians
        self.origin = CANVAS * random.normal((0.5, 0.62), 0.035)

    def place(self, points: Sequence[Point]) -> list[Point]:
        """Return the pixels of `points`."""
        cos, sin = math.cos(self.tilt) * self.scale, math.sin(self.tilt) * self.scale
        x0, y0 = self.origin
        return [(x0 + x * cos - y * sin, y0 - x * sin - y * cos) for x, y in points]

    def line(self, colour: Colour, width: float, *points: Point) -> None:
        self.pen.line(self.place(points), colour, max(1, round(width * self.scale)), joint="curve")

    def shape(self, colour: Colour, *points: Point) -> None:
        self.pen.polygon(self.place(points), colour)

    def ring(self, colour: Colour, centre: Point, radius: float, width: float) -> None:
        ((x, y),), r = self.place([centre]), radius * self.scale
        self.pen.ellipse((x - r, y - r, x + r, y + r), outline=colour, width=max(1, round(width * self.scale)))

    def disc(self, colour: Colour, centre: Point, radius: float) -> None:
        self.ring(colour, centre, radius, radius)


def _bicycle(sketch: _Sketch, random: np.random.Generator) -> None:
    """Draw thin wheels with spokes, a frame of tubes, saddle and handlebar; at worst with a bag in the frame."""
    weight = random.beta(1.2, 3)  # 0 a racing bicycle, 1 nearly a moped
    paint, dark, steel = _colour(random, 0, 220), _pale(random, 0, 70), _pale(random, 90, 190)
    tube = 0.07 + 0.09 * weight
    rear, front, crank, seat, head = (-1.0, 0.0), (1.0, 0.0), (-0.15, -0.05), (-0.4, 0.85), (0.68, 0.8)
    for axle in (rear, front):
        for spoke in np.linspace(0, math.pi, 5) + random.uniform(0, 1):
            x, y = 0.6 * math.cos(spoke), 0.6 * math.sin(spoke)
            sketch.line(steel, 0.015, (axle[0] - x, y * -1), (axle[0] + x, y))
        sketch.ring(dark, axle, 0.68, 0.07 + 0.13 * weight)
    if random.random() < weight:
        sketch.shape(paint, crank, (-0.3, 0.6), (0.55, 0.6))
    sketch.line(paint, tube, rear, crank, head, (-0.35, 0.7), rear)
    sketch.line(paint, tube, crank, seat)
    sketch.line(paint, tube, front, head, (0.62, 1.05))
    sketch.line(dark, 0.13, (-0.62, 0.9), (-0.2, 0.9))
    sketch.line(dark, 0.08, (0.45, 1.1), (0.62, 1.05), (0.85, 1.12))
    sketch.ring(steel, crank, 0.17, 0.06)


def _motorcycle(sketch: _Sketch, random: np.random.Generator) -> None:
    """Draw thick tyres, an engine, a tank, a seat, an exhaust and a lamp; at best as slim as a moped."""
    weight = 1 - random.beta(1.2, 3)  # 1 a heavy motorcycle, 0 nearly a bicycle
    paint, dark, steel = _colour(random, 0, 240), _pale(random, 0, 60), _pale(random, 90, 210)
    bulk = 0.35 + 0.65 * weight
    for axle in ((-1.0, 0.0), (1.0, 0.0)):
        sketch.ring(dark, axle, 0.62, 0.1 + 0.2 * weight)
        sketch.disc(steel, axle, 0.1 + 0.12 * weight)
    sketch.line(steel, 0.1, (-1.0, 0.0), (-0.2, 0.15), (0.5, 0.65))
    sketch.shape(steel, (-0.45 * bulk, -0.3 * bulk), (0.4 * bulk, -0.3 * bulk), (0.5 * bulk, 0.45), (-0.5 * bulk, 0.45))
    sketch.shape(paint, (-0.3, 0.42), (0.55, 0.42), (0.68, 0.55 + 0.25 * bulk), (0.1, 0.5 + 0.45 * bulk))
    sketch.shape(dark, (-1.1, 0.6), (-0.2, 0.4), (-0.1, 0.5 + 0.15 * bulk), (-1.15, 0.6 + 0.2 * bulk))
    sketch.line(steel, 0.06 + 0.12 * weight, (-0.2, -0.25), (-1.25, -0.12))
    sketch.line(steel, 0.08 + 0.06 * weight, (1.0, 0.0), (0.66, 0.8), (0.6, 1.0))
    sketch.line(dark, 0.08, (0.35, 1.05), (0.6, 1.0))
    sketch.disc(_colour(random, 200, 256), (0.82, 0.78), 0.08 + 0.1 * weight)
    if random.random() < weight:
        sketch.line(paint, 0.12, (0.6, 0.55), (0.95, 0.68), (1.35, 0.5))
