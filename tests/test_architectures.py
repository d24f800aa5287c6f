"""The built-in networks."""

import numpy as np
import pytest
import torch

from genreclf.architectures import make_architecture
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
    """The layers of dong2018 in the order of the paper."""
    return torch.nn.Sequential(
        network.conv1, torch.nn.ReLU(), torch.nn.MaxPool2d(network.pools[0]),
        network.conv2, torch.nn.ReLU(), torch.nn.MaxPool2d(network.pools[1]),
        torch.nn.Flatten(), network.hidden, torch.nn.ReLU(),
    )  # fmt: skip


@pytest.mark.parametrize("size", [{"n_bins": 64, "n_frames": 256}, SMALL])
def test_embedding_is_the_papers_layers(size):
    torch.manual_seed(0)
    network = make_architecture("dong2018", n_classes=10, **size).eval()
    segments = torch.randn(5, 64, size["n_frames"])
    with torch.inference_mode():
        np.testing.assert_allclose(
            network.embed(segments), plain(network)(segments[:, None]), atol=1e-5
        )


TINY = {"channels": (4, 8), "pools": ((2, 1),)}


def test_short_chunk_is_its_stages_pooled_over_time():
    torch.manual_seed(0)
    network = make_architecture("short-chunk", n_classes=3, n_bins=16, n_frames=12, **TINY).eval()
    for norm in (network.stem[1], network.stages[0].norm):
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    segments = torch.randn(5, 16, 12)
    plain = torch.nn.Sequential(
        *network.stem,
        network.stages[0].convolution, network.stages[0].norm, torch.nn.ReLU(),
        torch.nn.MaxPool2d((2, 1)),
    )  # fmt: skip
    with torch.inference_mode():
        maps = plain(segments[:, None]).mean(2)
        expected = torch.cat([maps.mean(2), maps.max(2).values], 1)
        np.testing.assert_allclose(network.embed(segments), expected, atol=1e-5)
        logits = expected @ network.output.weight.T + network.output.bias
        np.testing.assert_allclose(network(segments), logits, atol=1e-5)


def test_short_chunk_takes_all_that_its_steps_leave_something_of():
    # Steps of two round up, pools round down.
    network = make_architecture("short-chunk", n_classes=3, n_bins=31, n_frames=7)
    assert network.eval()(torch.zeros(1, 31, 7)).shape == (1, 3)
    # A step of two leaves a quarter of the values.
    sizes = {"n_classes": 3, "n_bins": 16, "n_frames": 2**15, "channels": [32, 4]}
    make_architecture("short-chunk", **sizes, pools=[[1, 1]])
    with pytest.raises(ConfigError, match="over 8,388,608 values"):
        make_architecture("short-chunk", **{**sizes, "n_frames": 2**17}, pools=[[1, 1]])


def test_short_chunk_is_small():
    network = make_architecture("short-chunk", n_classes=10, n_bins=128, n_frames=80)
    assert 4 * sum(p.numel() for p in network.parameters()) < 4e6


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_frames": 6}, "too small"),
        ({"n_frames": 2**15}, "over 8,388,608 values"),
        ({"channels": 64}, "channels must be"),
        ({"channels": []}, "channels must be"),
        ({"channels": [4]}, "channels must be"),
        ({"channels": [4, 0], "pools": [[2, 2]]}, "channels must be"),
        ({"pools": [[2, 2]]}, "pools must be"),
        ({"pools": [2, 2, 2, 2]}, "pools must be"),
        ({"dropout": 1.5}, "dropout must be"),
    ],
)
def test_short_chunk_says_what_is_wrong(parameters, message):
    sizes = {"n_classes": 3, "n_bins": 128, "n_frames": 80}
    with pytest.raises(ConfigError, match=f"short-chunk: .*{message}"):
        make_architecture("short-chunk", **{**sizes, **parameters})
