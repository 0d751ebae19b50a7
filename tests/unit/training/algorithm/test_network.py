import pytest
import torch

from training.algorithm.network import Normed, build_network, whitening_filters


@pytest.mark.parametrize(
    ("shape", "num_classes"),
    [((16, 16, 1), 2), ((32, 32, 3), 2), ((28, 41, 3), 3), ((64, 64, 3), 5), ((16, 64, 1), 100)],
)
def test_one_score_per_class(shape: tuple[int, int, int], num_classes: int) -> None:
    pixels = torch.randint(0, 256, (6, *shape), dtype=torch.uint8)
    scores = build_network(pixels, num_classes)(pixels / 255)
    assert scores.shape == (6, num_classes)
    assert scores.isfinite().all()


@pytest.mark.parametrize(
    ("height", "width", "stride", "patch"),
    [
        (32, 32, 1, 2),
        (47, 47, 1, 2),
        (48, 48, 2, 4),
        (64, 64, 2, 4),
        (64, 224, 2, 4),
        (128, 128, 4, 8),
        (224, 224, 7, 14),
    ],
)
def test_the_first_layer_brings_larger_images_to_the_grid_of_small_ones(
    height: int, width: int, stride: int, patch: int
) -> None:
    pixels = torch.randint(0, 256, (4, height, width, 3), dtype=torch.uint8)
    network = build_network(pixels, 2)
    assert (network.stride, network.filters.shape[-2:]) == (stride, (patch, patch))
    assert len(network.filters) == (24 if stride == 1 else 48)
    seen: list[torch.Size] = []
    network.layers.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape))
    network(pixels / 255)
    assert min(seen[0][-2:]) == (min(height, width) - patch) // stride + 1 <= 46


def test_a_network_for_large_images_is_fitted_to_few_of_them() -> None:
    """All of them would take gigabytes: 10,000 images of 224 pixels are 6 GB."""
    pixels = torch.zeros(1, 224, 224, 3, dtype=torch.uint8).expand(10_000, -1, -1, -1)
    assert build_network(pixels, 2).filters.isfinite().all()


def test_whitened_patches_are_uncorrelated() -> None:
    torch.manual_seed(0)
    smooth = torch.nn.functional.avg_pool2d(torch.randn(200, 3, 20, 20), 5, stride=1)  # neighbours are alike
    images = 3 * (smooth + smooth[:, [1, 2, 0]])
    filters = whitening_filters(images)
    assert filters.shape == (24, 3, 2, 2)
    assert torch.equal(filters[12:], -filters[:12])
    responses = torch.nn.functional.conv2d(images, filters[:12], stride=2).permute(1, 0, 2, 3).reshape(12, -1)
    covariance = responses @ responses.T / responses.shape[1]
    strong = 9  # the other directions have almost no variance and stay small
    assert torch.allclose(covariance[:strong, :strong], torch.eye(strong), atol=0.1)


def test_images_of_one_colour_have_finite_scores() -> None:
    pixels = torch.full((4, 16, 16, 3), 255, dtype=torch.uint8)
    assert build_network(pixels, 2).eval()(pixels / 255).isfinite().all()


def test_whitening_is_not_learned() -> None:
    network = build_network(torch.randint(0, 256, (4, 16, 16, 3), dtype=torch.uint8), 2)
    learned = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert "offsets" in learned and "head.weight" in learned
    assert not {"filters", "mean", "layers.0.norm.weight"} & learned


@pytest.mark.parametrize("pooling", [1, 2])
def test_batch_norm_folds_into_the_convolution(pooling: int) -> None:
    torch.manual_seed(0)
    layer = Normed(4, 8, pooling)
    layer(2 + 3 * torch.randn(50, 4, 8, 8))  # sets the running statistics of the batch norm
    torch.nn.init.normal_(layer.norm.bias)
    layer.eval()
    images = torch.randn(5, 4, 8, 8)
    weight, bias = layer.folded()
    folded = torch.nn.functional.max_pool2d(torch.nn.functional.conv2d(images, weight, bias, padding=1), pooling)
    assert torch.allclose(torch.nn.functional.gelu(folded), layer(images), atol=1e-5)
