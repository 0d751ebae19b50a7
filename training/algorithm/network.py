"""The classifier: a frozen whitening layer and three small convolutional groups, after airbench.

The shape follows Keller Jordan's cifar10-airbench (https://github.com/KellerJordan/cifar10-airbench), narrowed for
two CPU cores. About 140,000 weights; any number of classes, grey or colour, 16 to 224 pixels high and wide.

The whitening layer brings larger images to a grid of about 31x31: its patches of 2x2 pixels, one pixel apart, become
4x4 and two pixels apart at 64 pixels, 8x8 and four at 128. What follows then costs the same at every size.
"""

from itertools import chain, pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTHS = (32, 64, 64)  # channels of the three groups
PATCH = 2  # pixels; side of a whitened patch of images up to 47 pixels, in strides of larger ones
GRID = 32  # strides along the shorter side, about, of images from 48 pixels up
MOST_DIRECTIONS = 24  # of a patch; the others have hardly any variance
_LEAST_VARIANCE = 5e-4  # limits the gain of directions that hold almost only noise
_LEAST_DEVIATION = 1e-3  # of values in [0, 1]; images can be all of one colour
_SAMPLE = 5000 * 32 * 32  # pixels
_BATCH_NORM_MOMENTUM = 0.4  # of the newest batch: an epoch can be as short as 16 batches


def build_network(pixels: Tensor, num_classes: int) -> "Network":
    """Return an untrained network whose first layers are fitted to the training images.

    Args:
        pixels: uint8, (n, height, width, channels); a few thousand of them at 32x32, evenly spaced, are used, and as
            much fewer of them as they are larger.
    """
    height, width = pixels.shape[1:3]
    images = pixels[:: max(1, len(pixels) * height * width // _SAMPLE)].float() / 255
    mean, deviation = images.mean(dim=(0, 1, 2)), images.std(dim=(0, 1, 2)) + _LEAST_DEVIATION
    stride = max(1, round(min(height, width) / GRID))
    filters = whitening_filters(((images - mean) / deviation).permute(0, 3, 1, 2), PATCH * stride)
    return Network(mean, deviation, filters, num_classes, stride)


def whitening_filters(images: Tensor, patch: int = PATCH) -> Tensor:
    """Return the filters whose responses to square patches of `images` are uncorrelated with unit variance.

    Each filter comes with both signs, so that the activation that follows loses nothing.

    Args:
        images: Normalised training images, (n, channels, height, width).
        patch: Pixels, side of a patch.

    Returns:
        (2 * directions, channels, patch, patch), strongest direction first.
    """
    channels = images.shape[1]
    patches = images.unfold(2, patch, patch).unfold(3, patch, patch)  # (n, c, h/patch, w/patch, patch, patch)
    patches = patches.permute(0, 2, 3, 1, 4, 5).reshape(-1, channels * patch * patch)
    variances, directions = torch.linalg.eigh(patches.T @ patches / len(patches))  # ascending
    filters = directions.T / torch.sqrt(variances + _LEAST_VARIANCE)[:, None]
    filters = filters.flip(0)[:MOST_DIRECTIONS].reshape(-1, channels, patch, patch)
    return torch.cat((filters, -filters))


class Normed(nn.Module):
    """A 3x3 convolution, a max pooling (1: none), batch norm and GELU.

    The batch norm has a bias but no scale: the standard deviation that it divides by is positive, so serving can fold
    it into the convolution, before the pooling.
    """

    def __init__(self, channels_in: int, channels_out: int, pooling: int) -> None:
        super().__init__()
        self.pooling = pooling
        self.conv = nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False)
        nn.init.dirac_(
            self.conv.weight.data[:channels_in]
        )  # nearly the identity, so that gradients reach all layers from the start
        self.norm = nn.BatchNorm2d(channels_out, momentum=_BATCH_NORM_MOMENTUM)
        self.norm.weight.requires_grad_(False)

    def forward(self, features: Tensor) -> Tensor:
        """Return (n, channels_out, height // pooling, width // pooling)."""
        features = self.conv(features)
        if self.pooling > 1:
            features = functional.max_pool2d(features, self.pooling)
        return functional.gelu(self.norm(features))

    def folded(self) -> tuple[Tensor, Tensor]:
        """Return the weight and bias of a convolution equal to the convolution and the batch norm."""
        state = self.norm.state_dict()
        scale = torch.rsqrt(state["running_var"] + self.norm.eps)
        return self.conv.weight * scale[:, None, None, None], state["bias"] - state["running_mean"] * scale


class Network(nn.Module):
    """Images with values in [0, 1], (n, height, width, channels) -> one score per class, (n, num_classes)."""

    mean: Tensor
    deviation: Tensor
    filters: Tensor

    def __init__(self, mean: Tensor, deviation: Tensor, filters: Tensor, num_classes: int, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride  # of the whitening, pixels
        self.register_buffer("mean", mean)  # (channels,)
        self.register_buffer("deviation", deviation)  # (channels,)
        self.register_buffer("filters", filters)  # not trained
        self.offsets = nn.Parameter(torch.zeros(len(filters)))
        pairs = ((Normed(i, o, pooling=2), Normed(o, o, pooling=1)) for i, o in pairwise((len(filters), *WIDTHS)))
        self.layers = nn.Sequential(*chain.from_iterable(pairs))
        self.head = nn.Linear(WIDTHS[-1], num_classes, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """Return the scores of the classes before softmax."""
        images = ((images - self.mean) / self.deviation).permute(0, 3, 1, 2)  # channels_last in memory
        features = functional.gelu(functional.conv2d(images, self.filters, self.offsets, self.stride))
        features = self.layers(features)  # (n, WIDTHS[-1], height // (8 * stride), width // (8 * stride))
        return functional.linear(features.amax(dim=(2, 3)), self.head.weight)
