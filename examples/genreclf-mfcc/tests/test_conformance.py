"""The plugin does what genreclf relies on."""

import pytest

from genreclf.errors import ConfigError
from genreclf.features import make_extractor
from genreclf.testing import check_architecture, check_extractor, check_recipe


def test_the_extractor_conforms():
    check_extractor("mfcc")
    check_extractor("mfcc", n_coefficients=13, hop_length=512)


def test_the_architecture_conforms():
    check_architecture("attention", "mfcc", width=8)


def test_the_recipe_conforms():
    check_recipe("mfcc-attention")


def test_wrong_parameters_are_named():
    with pytest.raises(ConfigError, match="n_coefficients must be 1 to n_mels"):
        make_extractor("mfcc", n_coefficients=65)
