"""Print the results in a ``metrics.json`` as the Markdown table of docs/results.

    python scripts/results_table.py OUTPUT/metrics.json [--json FILE]

``--json`` writes the same figures, and those of each genre, to a file.
"""

import argparse
import dataclasses
import json
import statistics
from pathlib import Path

from genreclf.evaluation import Evaluation, read_evaluations
from genreclf.evaluation.evaluate import pool

COLUMNS = {
    "track accuracy": "accuracy",
    "segment accuracy": "segment_accuracy",
    "macro F1": "macro_f1",
    "log loss": "log_loss",
    "calibration error": "calibration_error",
}


def figures(runs: list[Evaluation]) -> dict:
    """Return the figures of each run, and of all runs together by genre."""
    pooled = pool(runs)
    rows = [
        {
            "run": run.name,
            **{name: round(getattr(run.scores, name), 4) for name in COLUMNS.values()},
        }
        for run in runs
    ]
    mean = {name: round(statistics.fmean(row[name] for row in rows), 4) for name in rows[0]
            if name != "run"}  # fmt: skip
    near = [run.neighbors.to_dict() for run in runs if run.neighbors]
    return {
        "test_tracks": runs[0].scores.tracks,
        "mean": mean,
        "pooled_calibration_error": round(pooled.calibration_error, 4),
        "genres": [dataclasses.asdict(genre) for genre in pooled.genres],
        "confusion": pooled.confusion,
        "neighbors": near,
        "runs": rows,
    }


def main() -> None:
    """Print a row for each run, and their mean and standard deviation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("metrics", type=Path)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    runs = read_evaluations(options.metrics)
    print(f"| run | test tracks | {' | '.join(COLUMNS)} |")
    print(f"|---|---|{'---|' * len(COLUMNS)}")
    values = [[getattr(run.scores, name) for name in COLUMNS.values()] for run in runs]
    for run, row in zip(runs, values, strict=True):
        print(f"| {run.name} | {run.scores.tracks} | {' | '.join(f'{v:.3f}' for v in row)} |")
    if len(runs) > 1:
        columns = list(zip(*values, strict=True))
        for name, of in {"mean": statistics.fmean, "standard deviation": statistics.stdev}.items():
            print(f"| **{name}** | | {' | '.join(f'{of(column):.3f}' for column in columns)} |")
    print(f"\nCalibration error of all runs together: {pool(runs).calibration_error:.3f}")
    if options.json:
        options.json.write_text(json.dumps(figures(runs), indent=1) + "\n")


if __name__ == "__main__":
    main()
