"""The built-in plugins pass the checks for plugins, and the checks find what is wrong."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from genreclf.architectures.base import Architecture
from genreclf.features import LogMel
from genreclf.plugins import Registry, hookimpl, registry
from genreclf.testing import check_architecture, check_extractor, check_recipe

SMALL = {"filters": [4, 4], "dense": 8}


def builtin(kind):
    return [r.name for r in registry().registrations(kind) if r.is_builtin]


@pytest.mark.parametrize("name", builtin("extractors"))
def test_builtin_extractors_conform(name):
    check_extractor(name)


@pytest.mark.parametrize("normalization", ["none", "band", "center"])
def test_extractors_conform_with_parameters(normalization):
    check_extractor("logmel-dong2018", normalization=normalization, segment_frames=24)


@pytest.mark.parametrize(
    ("features", "parameters"),
    [
        ("logmel-dong2018", {}),
        ("logmel-13fps", {"pools": [[2, 2], [2, 2]]}),
    ],
)
def test_dong2018_conforms(features, parameters):
    check_architecture("dong2018", features, **SMALL, **parameters)


def test_short_chunk_conforms():
    check_architecture("short-chunk", "logmel-13fps", channels=[4, 4], pools=[[2, 2]])


@pytest.mark.parametrize("name", builtin("recipes"))
def test_builtin_recipes_conform(name):
    check_recipe(name)


@dataclasses.dataclass(frozen=True)
class Small(LogMel):
    n_fft: int = 256
    hop_length: int = 256
    n_mels: int = 8
    segment_frames: int = 6


class Doubles(Small):
    def transform(self, samples):
        return super().transform(samples).astype(np.float64)


class LooksFurther(Small):
    def transform(self, samples):
        frames = super().transform(samples)
        return frames - frames.mean(axis=1, keepdims=True)


class LooksBeside(Small):
    def normalize(self, segments):
        return segments - segments.mean()


class InPlace(Small):
    def normalize(self, segments):
        segments -= 1
        return segments


class Forgets(Small):
    @property
    def parameters(self):
        return {}


class Random(Small):
    def transform(self, samples):
        frames = super().transform(samples)
        return frames + np.random.default_rng().normal(size=frames.shape).astype(np.float32)


class Gaps(Small):
    window_length = 128


BAD_EXTRACTORS = {
    "float64": (Doubles, "type that transform returns is dtype.'float64'"),
    "further": (LooksFurther, "a frame depends on more than its window"),
    "beside": (LooksBeside, "depends on the others beside it"),
    "in-place": (InPlace, "normalize changed the segments"),
    "forgets": (Forgets, "the parameters leave something out"),
    "random": (Random, "another result the second time"),
    "gaps": (Gaps, "would be skipped"),
}


class Plain(Architecture):
    def __init__(self, n_classes, n_bins, n_frames):
        super().__init__(n_classes, n_bins, n_frames)
        self.hidden = nn.Linear(n_bins, 5)
        self.output = nn.Linear(5, n_classes)

    def embed(self, segments):
        return self.hidden(segments.mean(dim=2))

    def classify(self, embeddings):
        return self.output(embeddings)


class WrongForward(Plain):
    def forward(self, segments):
        return super().forward(segments) + 1


class AlwaysDrops(Plain):
    def embed(self, segments):
        return nn.functional.dropout(super().embed(segments), 0.5, training=True)


class Company(Plain):
    def embed(self, segments):
        return super().embed(segments - segments.mean())


class Untrained(Plain):
    def __init__(self, n_classes, n_bins, n_frames):
        super().__init__(n_classes, n_bins, n_frames)
        self.idle = nn.Linear(2, 2)


class Hidden(Plain):
    def __init__(self, n_classes, n_bins, n_frames):
        super().__init__(n_classes, n_bins, n_frames)
        self.shift = torch.randn(5)

    def embed(self, segments):
        return super().embed(segments) + self.shift


class Tied(Plain):
    def __init__(self, n_classes, n_bins, n_frames):
        super().__init__(n_classes, n_bins, n_frames)
        self.same = self.hidden


BAD_ARCHITECTURES = {
    "wrong-forward": (WrongForward, "forward is not classify of embed"),
    "always-drops": (AlwaysDrops, "forward is not classify|not deterministic"),
    "company": (Company, "depend on the others beside it"),
    "untrained": (Untrained, "no gradient reaches 'idle"),
    "hidden": (Hidden, "not in the state_dict"),
    "tied": (Tied, "do not survive a safetensors file"),
}


class Bad:
    @hookimpl
    def genreclf_extractors(self):
        return {"small": Small} | {name: made for name, (made, _) in BAD_EXTRACTORS.items()}

    @hookimpl
    def genreclf_architectures(self):
        return {"plain": Plain} | {name: made for name, (made, _) in BAD_ARCHITECTURES.items()}


@pytest.fixture
def bad_plugin():
    loaded = Registry()
    loaded.register(Bad(), "bad")
    with loaded.active():
        yield


def test_the_sound_ones_of_these_conform(bad_plugin):
    check_extractor("small")
    check_architecture("plain", "small")


@pytest.mark.parametrize("name", BAD_EXTRACTORS)
def test_a_bad_extractor_is_explained(bad_plugin, name):
    with pytest.raises(AssertionError, match=BAD_EXTRACTORS[name][1]):
        check_extractor(name, scale="log1p")


@pytest.mark.parametrize("name", BAD_ARCHITECTURES)
def test_a_bad_architecture_is_explained(bad_plugin, name):
    with pytest.raises(AssertionError, match=BAD_ARCHITECTURES[name][1]):
        check_architecture(name, "small")


def test_a_recipe_must_describe_itself(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[training]\nepochs = 3\n")
    with pytest.raises(AssertionError, match="no description"):
        check_recipe(path)
