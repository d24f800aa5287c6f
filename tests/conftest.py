"""Small models and signals that the tests share."""

import os
from pathlib import Path

# One thread each: small models gain nothing from more, and lose much on a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest

from genreclf.prediction import Failure

DATA = Path(__file__).parents[2] / "shared" / "data"
LABELS = ("blues", "jazz", "metal")

needs_gtzan = pytest.mark.skipif(
    not (DATA / "gtzan").is_dir(), reason="real music is not at ../shared/data/gtzan"
)


def noise(seconds: float, rate: int = 22050, seed: int = 0, level: float = 0.1) -> np.ndarray:
    """Mono noise of a level."""
    samples = np.random.default_rng(seed).standard_normal(int(seconds * rate)) * level
    return samples.astype(np.float32)


def same(some, others):
    """Whether results are the same; probabilities within 1e-4."""
    assert [result.source for result in some] == [result.source for result in others]
    for one, other in zip(some, others, strict=True):
        assert type(one) is type(other)
        if isinstance(one, Failure):
            assert type(one.error) is type(other.error)
            assert str(one.error) == str(other.error)
            continue
        assert (one.genre, one.duration, one.flags) == (other.genre, other.duration, other.flags)
        for this, that in [(one, other), *zip(one.timeline, other.timeline, strict=True)]:
            np.testing.assert_allclose(
                list(this.probabilities.values()), list(that.probabilities.values()), atol=1e-4
            )
    return True


@pytest.fixture(scope="session")
def small_config():
    from genreclf.pretrained import Component, ModelConfig

    return ModelConfig(
        architecture=Component(
            "dong2018", {"filters": [4, 4], "pools": [[2, 2], [2, 2]], "dense": 8}
        ),
        features=Component("logmel-13fps", {"pool_bins": 2}),
        labels=LABELS,
    )


@pytest.fixture(scope="session")
def classifier(small_config):
    """An untrained model: quick, and with an opinion on everything."""
    import torch

    from genreclf.classifier import GenreClassifier
    from genreclf.pretrained.folder import build_module
    from genreclf.runtimes.torch import TorchNetwork

    torch.manual_seed(0)
    return GenreClassifier(small_config, TorchNetwork(build_module(small_config)))


@pytest.fixture(scope="session")
def model_folder(classifier, tmp_path_factory) -> Path:
    return classifier.save_pretrained(tmp_path_factory.mktemp("models") / "small")


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache of downloaded models."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("GENRECLF_CACHE", str(folder))
    monkeypatch.delenv("GENRECLF_OFFLINE", raising=False)
    return folder


@pytest.fixture
def server():
    """A web server on this machine, which is a Hugging Face Hub too."""
    from model_servers import Server

    world = Server()
    yield world
    world.close()
