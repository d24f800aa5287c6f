"""How good a classifier is: metrics, protocols and reports."""

from genreclf.evaluation.evaluate import Evaluation, TrackResult, evaluate
from genreclf.evaluation.metrics import Scores, score, summarise
from genreclf.evaluation.neighbours import Agreement, Neighbours, neighbours
from genreclf.evaluation.protocols import PROTOCOLS, Protocol, make_split, run_protocol
from genreclf.evaluation.report import read_evaluations, read_scores, write_report
from genreclf.evaluation.stability import ChangeResult, Stability, stability

__all__ = [
    "PROTOCOLS",
    "Agreement",
    "ChangeResult",
    "Evaluation",
    "Neighbours",
    "Protocol",
    "Scores",
    "Stability",
    "TrackResult",
    "evaluate",
    "make_split",
    "neighbours",
    "read_evaluations",
    "read_scores",
    "run_protocol",
    "score",
    "stability",
    "summarise",
    "write_report",
]
