"""Evaluation of classifiers: metrics, schemes, robustness and reports."""

from genreclf.evaluation.evaluate import Evaluation, TrackResult, evaluate
from genreclf.evaluation.neighbors import NeighborPrecision, Neighbors, nearest_neighbors
from genreclf.evaluation.report import read_evaluations, read_scores, write_report
from genreclf.evaluation.robustness import PerturbationResult, Robustness, measure_robustness
from genreclf.evaluation.schemes import run_scheme
from genreclf.metrics import score, summarize_runs
from genreclf.scores import Scores

__all__ = [
    "Evaluation",
    "NeighborPrecision",
    "Neighbors",
    "PerturbationResult",
    "Robustness",
    "Scores",
    "TrackResult",
    "evaluate",
    "measure_robustness",
    "nearest_neighbors",
    "read_evaluations",
    "read_scores",
    "run_scheme",
    "score",
    "summarize_runs",
    "write_report",
]
