"""Repeated training and testing by a published scheme."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from os import PathLike, cpu_count
from pathlib import Path

from genreclf.data import FeatureSet, Scheme, Split, find_duplicates, group_tracks, make_split
from genreclf.errors import GenreclfError, TrainingError
from genreclf.evaluation.evaluate import Evaluation, evaluate
from genreclf.evaluation.neighbors import nearest_neighbors
from genreclf.files import atomic_write
from genreclf.recipe import Recipe

RESULT = "evaluation.json"


@dataclass(frozen=True)
class _Job:
    features: Path
    extra: Path | None
    extra_ids: tuple[str, ...]
    split: Split
    recipe: Recipe
    seed: int
    folder: Path
    precision: str
    threads: int


def run_scheme(
    features: FeatureSet,
    recipe: Recipe,
    scheme: Scheme,
    output: str | PathLike[str],
    *,
    runs: int = 1,
    first_seed: int = 0,
    lists: str | PathLike[str] | None = None,
    extra: FeatureSet | None = None,
    precision: str = "no",
    workers: int | None = None,
    progress: Callable[[Evaluation], None] | None = None,
) -> list[Evaluation]:
    """Train and test `runs` times, each with its own seed for the split and the training.

    The evaluations are of the test tracks, in the order of the seeds. The neighbors of these
    tracks are searched for in the split's training tracks. A second call with the same
    arguments reads finished runs and resumes interrupted ones.

    Parameters
    ----------
    features : FeatureSet
    recipe : Recipe
    scheme : {"paper", "artist-filtered", "given"}
        See :func:`genreclf.data.make_split`.
    output : path
        Folder of the results. ``runs/seed-NNN`` holds the trained model, the training log
        and the evaluation of each run.
    runs, first_seed : int
        The seeds are ``first_seed`` to ``first_seed + runs - 1``.
    lists : path, optional
        See :func:`genreclf.data.make_split`.
    extra : FeatureSet, optional
        Further tracks to train on in every run. Their artists must not be in `features`;
        recordings that are in both are left out.
    precision : {"no", "bf16", "fp16"}
        Mixed precision of the training.
    workers : int, optional
        Number of runs at a time, each in its own process; by default one per processor.
    progress : callable, optional
        Called with each finished run, in the order of completion.

    Raises
    ------
    DatasetError, ConfigError, TrainingError
        From the split and the trainer.
    """
    folder = Path(output)
    seeds = range(first_seed, first_seed + runs)
    stored = features.save(folder / "features")
    distinct = None if extra is None else _without_duplicates(extra, features)
    stored_extra = None if distinct is None else distinct.save(folder / "extra")
    groups = group_tracks(features, find_duplicates(features))
    n_workers = min(workers or cpu_count() or 1, runs)
    jobs = [
        _Job(
            stored,
            stored_extra,
            () if distinct is None else distinct.ids,
            make_split(features, scheme, seed, lists, groups),
            recipe,
            seed,
            folder / "runs" / f"seed-{seed:03}",
            precision,
            max(1, (cpu_count() or 1) // n_workers),
        )
        for seed in seeds
    ]
    finished = {}
    for job, evaluation in _run_all(jobs, n_workers):
        finished[job.seed] = evaluation
        if progress:
            progress(evaluation)
    return [finished[seed] for seed in seeds]


def _without_duplicates(extra: FeatureSet, features: FeatureSet) -> FeatureSet:
    extra = extra.with_id_prefix("extra/")
    count = len(features)
    pairs = find_duplicates(features.concatenate(extra))
    duplicates = {extra.ids[b - count] for a, b in pairs if a < count <= b}
    return extra.drop(sorted(duplicates))


def _run_all(jobs: list[_Job], workers: int) -> Iterator[tuple[_Job, Evaluation]]:
    unfinished = []
    for job in jobs:
        stored = _stored_result(job)
        if stored is None:
            unfinished.append(job)
        else:
            yield job, stored
    # Spawned, since a forked process would inherit torch's threads in an unknown state.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(_run, job): job for job in unfinished}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except GenreclfError:
            pool.shutdown(cancel_futures=True)
            raise


def _stored_result(job: _Job) -> Evaluation | None:
    path = job.folder / RESULT
    if not path.exists():
        return None
    record = json.loads(path.read_text(encoding="utf-8"))
    if record["identity"] != _identity(job):
        raise TrainingError(
            f"'{job.folder}' holds a run with another recipe, data or precision; "
            "choose another folder"
        )
    return Evaluation.from_dict(record["evaluation"])


def _run(job: _Job) -> Evaluation:
    import torch

    from genreclf.training import Trainer

    torch.set_num_threads(job.threads)
    features = FeatureSet.load(job.features)
    train, valid, test = (features.subset(part) for part in job.split)
    if job.extra is not None:
        train = train.concatenate(FeatureSet.load(job.extra))
    trainer = Trainer(
        job.recipe,
        device="cpu",
        output=job.folder,
        resume=True,
        seed=job.seed,
        precision=job.precision,
    )
    classifier = trainer.fit(train, valid).classifier
    evaluation = dataclasses.replace(
        evaluate(classifier, test, name=f"seed {job.seed}"),
        # Without the extra tracks, so that runs with and without them can be compared.
        neighbors=nearest_neighbors(classifier, test, features.subset(job.split.train)),
    )
    record = {"identity": _identity(job), "evaluation": evaluation.to_dict()}
    with atomic_write(job.folder / RESULT, "w", encoding="utf-8") as file:
        json.dump(record, file)
    return evaluation


def _identity(job: _Job) -> dict[str, object]:
    identity = {
        "recipe": job.recipe.to_dict(),
        "seed": job.seed,
        "split": [part.tolist() for part in job.split],
        "precision": job.precision,
        "extra": job.extra_ids,
    }
    # The stored record went through JSON, which turns tuples into lists.
    reloaded: dict[str, object] = json.loads(json.dumps(identity))
    return reloaded
