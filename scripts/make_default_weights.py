"""Make the weights that come with the package again.

    python scripts/make_default_weights.py ../shared/data

Trains the recipe ``default`` on GTZAN's log-mel arrays without the clips that are
there as audio (nor the recordings among them that GTZAN holds twice), classifies
those clips from their audio, and writes model, card and figures into the package.
"""

import argparse
from pathlib import Path

from measure_clips import clip_ids, measure

from genreclf import Trainer
from genreclf.datasets import FeatureSet, find_duplicates
from genreclf.training import Recipe

WEIGHTS = Path(__file__).parents[1] / "src" / "genreclf" / "pretrained" / "weights"


def training_side(data: Path, recipe: Recipe) -> FeatureSet:
    """The arrays of all clips but those with audio and their duplicates."""
    arrays = FeatureSet.from_npz(data / "gtzan" / "logmel_13fps.npz", recipe.features.name)
    held_out = clip_ids(data / "gtzan" / "audio")
    ids = arrays.ids
    doubles = {ids[a] for pair in find_duplicates(arrays) for a, b in (pair, pair[::-1])
               if ids[b] in held_out}  # fmt: skip
    return arrays.without(held_out | doubles)


def main() -> None:
    """Train, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder with gtzan/")
    parser.add_argument("--name", default="dong2018", help="of the model (default: %(default)s)")
    parser.add_argument("--recipe", default="default", help="(default: %(default)s)")
    arguments = parser.parse_args()
    recipe = Recipe.load(arguments.recipe)
    train = training_side(arguments.data, recipe)
    print(f"{len(train)} clips to train on")
    metadata = {
        "data": f"GTZAN, {len(train)} of its 1,000 clips (log-mel arrays, 12.9 frames/s)",
        "split": "without the 100 clips at hand as audio and their duplicates; "
        "artists may stand on both sides",
        "recipe": arguments.recipe,
        "command": f"python scripts/make_default_weights.py DATA --name {arguments.name}",
        "licence": "MIT",
    }
    trainer = Trainer(recipe, device="cpu", progress=print, metadata=metadata)
    classifier, _ = trainer.fit(train)
    correct, total = measure(classifier, arguments.data / "gtzan" / "audio")
    figures = {f"the {total} clips left out, from audio": f"{correct} of {total} right"}
    print(figures)
    classifier.config.metadata["figures"] = figures
    classifier.save_pretrained(WEIGHTS / arguments.name)


if __name__ == "__main__":
    main()
