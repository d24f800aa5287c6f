"""Doing one thing to many: on threads, in order, and stopped when nobody waits."""

from genreclf.batch.combining import Combiner
from genreclf.batch.ordered import Stop, Stopped, available_cpus, in_order

__all__ = ["Combiner", "Stop", "Stopped", "available_cpus", "in_order"]
