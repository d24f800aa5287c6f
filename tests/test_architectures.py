"""The paper's network."""

import numpy as np
import pytest
import torch

from genreclf.architectures import make_architecture
from genreclf.architectures.base import Architecture
from genreclf.errors import ConfigError

SMALL = {"n_bins": 64, "n_frames": 40, "pools": ((2, 2), (2, 2))}


def test_the_defaults_are_the_papers():
    network = make_architecture("dong2018", n_classes=10, n_bins=64, n_frames=256)
    shapes = {name: tuple(p.shape) for name, p in network.named_parameters() if p.ndim > 1}
    assert shapes == {
        "conv1.weight": (64, 1, 3, 3),
        "conv2.weight": (64, 64, 3, 5),
        "hidden.weight": (32, 64 * 14 * 14),
        "output.weight": (10, 32),
    }
    assert network.drop_maps.p == network.drop_hidden.p == 0.2


def test_it_takes_64_by_40():
    network = make_architecture("dong2018", n_classes=3, **SMALL)
    assert network(torch.zeros(5, 64, 40)).shape == (5, 3)
    assert network.embed(torch.zeros(5, 64, 40)).shape == (5, 32)


def test_a_segment_too_small_is_an_error():
    with pytest.raises(ConfigError, match="too small"):
        make_architecture("dong2018", n_classes=3, n_bins=64, n_frames=20)


def test_unknown_parameters_are_named():
    with pytest.raises(ConfigError, match="filter_count"):
        make_architecture("dong2018", n_classes=3, n_bins=64, n_frames=256, filter_count=3)


def plain(network):
    """The outputs of dong2018 as the paper writes it down, without any sharing."""
    return torch.nn.Sequential(
        network.conv1, torch.nn.ReLU(), torch.nn.MaxPool2d(network.pools[0]),
        network.conv2, torch.nn.ReLU(), torch.nn.MaxPool2d(network.pools[1]),
        torch.nn.Flatten(), network.hidden, torch.nn.ReLU(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("size", "offsets"),
    [
        ({"n_bins": 64, "n_frames": 256}, [0, 128, 256, 384, 389]),
        (SMALL, [0, 20, 40, 60, 71]),
        (SMALL, [0, 20]),
        (SMALL, [3]),
        (SMALL, [1, 3, 5]),
    ],
)
def test_sharing_convolutions_changes_nothing(size, offsets):
    torch.manual_seed(0)
    network = make_architecture("dong2018", n_classes=10, **size).eval()
    frames = torch.randn(64, offsets[-1] + size["n_frames"])
    windows = torch.stack([frames[:, o : o + size["n_frames"]] for o in offsets])
    with torch.inference_mode():
        shared = network.embed_windows(frames, torch.tensor(offsets))
        apart = plain(network)(windows[:, None])
    np.testing.assert_allclose(shared, apart, atol=1e-5)


def test_sharing_saves_work():
    """Half-overlapping windows take the convolutions of the whole stretch, once."""
    network = make_architecture("dong2018", n_classes=10, n_bins=64, n_frames=256).eval()
    columns = []
    network.conv2.register_forward_hook(lambda *call: columns.append(call[2].shape[0::3]))
    with torch.inference_mode():
        network.embed_windows(torch.randn(64, 128 * 9), torch.arange(8) * 128)
    assert columns == [(1, ((128 * 9 - 2) // 4) - 4)]


def test_any_architecture_can_embed_windows():
    class Mean(Architecture):
        def embed(self, segments):
            return segments.mean(dim=2)

        def classify(self, embeddings):
            return embeddings

    frames = torch.arange(12.0).reshape(2, 6)
    found = Mean(2, 2, 3).embed_windows(frames, torch.tensor([0, 2]))
    np.testing.assert_allclose(found, [[1, 7], [3, 9]])
