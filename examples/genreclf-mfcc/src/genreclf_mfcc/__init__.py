"""MFCC features and an attention-pooled network for genreclf."""

from pathlib import Path

from genreclf import hookimpl


# Strings instead of the classes: every program that uses genreclf loads this module, and
# importing torch takes a second.
@hookimpl
def genreclf_extractors():
    """Register the extractor."""
    return {"mfcc": "genreclf_mfcc.mfcc:MFCC"}


@hookimpl
def genreclf_architectures():
    """Register the architecture."""
    return {"attention": "genreclf_mfcc.attention:Attention"}


@hookimpl
def genreclf_recipes():
    """Register the recipe."""
    return {"mfcc-attention": Path(__file__).parent / "recipes" / "mfcc-attention.toml"}
