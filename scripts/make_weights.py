"""Make the weights that come with the package.

    python scripts/make_weights.py ../shared/data --name dong2018 --recipe dong2018-13fps \
        --calibrated-by paper
    python scripts/make_weights.py ../shared/data --name short-chunk --recipe short-chunk \
        --releases --calibrated-by artist

Trains a recipe on GTZAN's log-mel arrays, without the clips that are there as audio and
their duplicates, and with --releases on recent releases; classifies those clips from their
audio; and writes the model, its card and the results into the package. No tracks remain to
calibrate the confidence on, so the temperatures are the medians of the runs of `genreclf
evaluate --protocol` with the same recipe.
"""

import argparse
import dataclasses
import json
import statistics
from pathlib import Path

from development_data import clip_ids, gtzan, join_without_duplicates, releases
from measure_clips import measure

from genreclf import GenreClassifier, Trainer
from genreclf.recipe import Recipe

WEIGHTS = Path(__file__).parents[1] / "src" / "genreclf" / "pretrained" / "weights"


def temperatures(runs: Path) -> dict[str, float]:
    """Return the median temperatures of several runs."""
    configs = [json.loads(path.read_text()) for path in sorted(runs.glob("runs/*/config.json"))]
    return {
        name: statistics.median(config[name] for config in configs)
        for name in ("temperature", "track_temperature")
    }


def main() -> None:
    """Train, measure and write the model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder with gtzan/ and realworld/")
    parser.add_argument("--name", required=True, help="of the model")
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--releases", action="store_true", help="also train on recent releases")
    parser.add_argument("--calibrated-by", type=Path, required=True, metavar="OUTPUT",
                        help="output folder of `genreclf evaluate --protocol`")  # fmt: skip
    parser.add_argument("--precision", default="no", choices=["no", "bf16"])
    parser.add_argument("--output", type=Path, default=WEIGHTS, help="(default: the package's)")
    options = parser.parse_args()
    recipe = Recipe.load(options.recipe)
    held_out = clip_ids(options.data / "gtzan" / "audio")
    clips = gtzan(options.data, recipe.features.name)
    more = (
        releases(options.data, recipe.features.name).tracks
        if options.releases
        else clips.subset([])
    )
    train = join_without_duplicates(clips, more, held_out)
    n_clips = len(set(train.ids) & set(clips.ids))
    others = f", and {len(train) - n_clips} releases of the 1960s to 2010s" if more.ids else ""
    metadata = {
        "data": f"GTZAN, {n_clips} of its 1,000 clips{others} (log-mel arrays, 12.9 frames/s)",
        "split": "without the 100 clips that are tested as audio and their duplicates; "
        "an artist may be in training and test tracks",
        "recipe": options.recipe,
        "command": f"python scripts/make_weights.py DATA --name {options.name} "
        f"--recipe {options.recipe} {'--releases ' * options.releases}--calibrated-by OUTPUT",
        "calibration": "temperatures, the medians of those that fit the validation tracks of "
        f"{len(list(options.calibrated_by.glob('runs/*')))} runs of the recipe",
        "license": "MIT",
    }
    trainer = Trainer(recipe, device="cpu", precision=options.precision, progress=print)
    classifier, _ = trainer.fit(train)
    config = dataclasses.replace(classifier.config, **temperatures(options.calibrated_by))
    classifier = GenreClassifier(config, classifier.network)
    correct, total = measure(classifier, options.data / "gtzan" / "audio")
    figures = {f"the {total} clips held out, from audio": f"{correct} of {total} correct"}
    print(figures)
    classifier.save_pretrained(options.output / options.name, **metadata, figures=figures)


if __name__ == "__main__":
    main()
