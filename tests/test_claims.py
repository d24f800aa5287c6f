"""What README, the documentation and the model cards claim agrees with what was measured."""

import json
import re
from pathlib import Path

import pytest

from genreclf import GenreClassifier
from genreclf.plugins import registry
from genreclf.pretrained import DEFAULT_MODEL, read_config, resolve_model
from genreclf.pretrained.card import model_card
from genreclf.recipe import DEFAULT_RECIPE, Recipe

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MODELS = [r.name for r in registry().registrations("models") if r.is_builtin]


def measured(name):
    return json.loads((ROOT / "docs" / "results" / f"{name}.json").read_text(encoding="utf-8"))


def accuracies(name):
    return [100 * run["accuracy"] for run in measured(name)["runs"]]


def cells(text, first):
    """The cells of the table row that begins so."""
    (row,) = [line for line in text.splitlines() if line.startswith(f"| {first}")]
    return [cell.strip() for cell in row.strip("|").split("|")]


def claimed(cell):
    """Mean, least and greatest percentage of a cell such as "**83.0 %** (79.3 to 88.3)"."""
    match = re.fullmatch(r"\*\*([\d.]+) %\*\* \(([\d.]+) to ([\d.]+)\)", cell)
    return [float(number) for number in match.groups()]


@pytest.mark.parametrize(
    ("row", "results"),
    [
        ("the paper's protocol", ["paper-short-chunk", "paper-dong2018-13fps"]),
        (
            "artist-filtered split",
            ["artist-filtered-short-chunk", "artist-filtered-dong2018-13fps"],
        ),
        ("the same, with 413", ["artist-filtered-short-chunk-releases"]),
    ],
)
def test_the_accuracies_in_the_readme_were_measured(row, results):
    found = cells(README, row)[1:]
    for cell, name in zip(found, results, strict=False):
        runs = accuracies(name)
        measured_figures = [sum(runs) / len(runs), min(runs), max(runs)]
        assert claimed(cell) == pytest.approx(measured_figures, abs=0.051), name


def test_the_readme_counts_the_runs():
    assert f"mean of {len(accuracies('paper-short-chunk'))} seeds" in README
    assert f"mean of {len(accuracies('artist-filtered-short-chunk'))} seeds" in README


def test_the_other_figures_in_the_readme_were_measured():
    text = " ".join(README.split())
    recall = {name: 100 * measured(name)["mean_recall"] for name in
              ("releases-alone-short-chunk", "releases-short-chunk")}  # fmt: skip
    assert f"six genres is {recall['releases-alone-short-chunk']:.1f} %" in text
    assert f"and {recall['releases-short-chunk']:.1f} % with releases" in text
    errors = [measured(f"{n}-short-chunk")["pooled_calibration_error"]
              for n in ("paper", "artist-filtered")]  # fmt: skip
    assert f"is {errors[0]:.3f} over all runs" in text
    assert f"{errors[1]:.3f} on the artist-filtered split" in text
    consistent = {p["perturbation"]: p["consistent"] for p in
                  measured("robustness-short-chunk")["perturbations"]}  # fmt: skip
    assert str(consistent.pop("middle 10 s")) in text
    assert f"At least {min(consistent.values())} of 100 clips" in text


@pytest.mark.parametrize("name", MODELS)
def test_a_card_describes_its_model(name):
    folder = resolve_model(name)
    config = read_config(folder)
    remark = cells((folder / "README.md").read_text(encoding="utf-8"), "ONNX")[1]
    assert (folder / "README.md").read_text(encoding="utf-8") == model_card(config, name, remark)


@pytest.mark.parametrize("name", MODELS)
def test_the_readme_has_the_figure_of_the_config(name):
    figure = read_config(resolve_model(name)).metadata["figures"].values()
    right = re.match(r"(\d+ of 100) correct", next(iter(figure)))
    column = 1 if name == DEFAULT_MODEL else 2
    assert f"**{right[1]}**" in cells(README, "the packaged weights on 100")[column]


def test_defaults_are_called_by_their_names():
    assert f"`{DEFAULT_MODEL}` (default)" in README
    assert read_config(resolve_model()).metadata["recipe"] == DEFAULT_RECIPE
    script = (ROOT / "scripts" / "measure_clips.py").read_text(encoding="utf-8")
    assert "default=DEFAULT_MODEL" in script


@pytest.mark.parametrize("name", MODELS)
def test_segment_lengths_in_the_readme(name):
    classifier = GenreClassifier.from_pretrained(name)
    extractor = classifier.extractor
    seconds = extractor.segment_frames * extractor.hop_length / extractor.sample_rate
    assert f"{seconds:.1f} s" in README


def test_the_recipe_of_each_model_makes_its_network():
    for name in MODELS:
        config = read_config(resolve_model(name))
        recipe = Recipe.load(config.metadata["recipe"])
        assert config.architecture.name == recipe.architecture.name
        assert config.overlap == recipe.features.overlap
