"""Print a protocol's ``metrics.json`` as the Markdown table that docs/results has.

Use it as ``python scripts/results_table.py OUTPUT/metrics.json``.
"""

import argparse
import statistics
from pathlib import Path

from genreclf.evaluation import read_evaluations

COLUMNS = {
    "tracks right": "accuracy",
    "segments right": "segment_accuracy",
    "macro F1": "macro_f1",
    "log loss": "log_loss",
    "calibration error": "calibration_error",
}


def main() -> None:
    """Print a row for each run, and mean and spread."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("metrics", type=Path)
    runs = read_evaluations(parser.parse_args().metrics)
    print(f"| run | test tracks | {' | '.join(COLUMNS)} |")
    print(f"|---|---|{'---|' * len(COLUMNS)}")
    values = [[getattr(run.scores, name) for name in COLUMNS.values()] for run in runs]
    for run, row in zip(runs, values, strict=True):
        print(f"| {run.name} | {run.scores.tracks} | {' | '.join(f'{v:.3f}' for v in row)} |")
    if len(runs) > 1:
        columns = list(zip(*values, strict=True))
        for name, of in {"mean": statistics.fmean, "standard deviation": statistics.stdev}.items():
            print(f"| **{name}** | | {' | '.join(f'{of(column):.3f}' for column in columns)} |")


if __name__ == "__main__":
    main()
