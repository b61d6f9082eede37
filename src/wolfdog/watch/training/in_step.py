"""Training of several contexts in step, on streams that are drawn once."""

from collections.abc import Callable, Mapping
from functools import partial

import torch

from ..data.shared_streams import SharedStreams
from ..model.context import Context
from .jobs import ContextJob
from .trainer import Progress

TOGETHER = 3
"""Jobs in a group at most: larger groups of unlike cost would leave processes idle at the end."""


def groups_in_step(jobs: Mapping[str, ContextJob], workers: int) -> list[dict[str, ContextJob]]:
    """Groups of jobs on the same streams, as many as keep all processes busy, and each of `TOGETHER` jobs at most.

    Args:
        jobs: Trainings by name.
        workers: Number of processes.

    Returns:
        The groups; each job is in one of them.
    """
    alike: list[list[str]] = []
    for name, job in jobs.items():
        for names in alike:
            if job.reads_as(jobs[names[0]]):
                names.append(name)
                break
        else:
            alike.append([name])
    groups = []
    for names in alike:
        number = max(min(workers, len(names)), -(-len(names) // TOGETHER))
        # dealt out, because neighbours are often alike in cost
        groups += [{name: jobs[name] for name in names[first::number]} for first in range(number)]
    return groups


def train_in_step(
    group: Mapping[str, ContextJob], report: Callable[[str, Progress], None]
) -> dict[str, Context]:
    """Train the contexts of a group: the first step of each, the second step of each, and so on.

    The weights are those of each job by itself.

    Args:
        group: Jobs on the same streams.
        report: Called after each step with the name of the job.

    Returns:
        The trained contexts by name.
    """
    if len(group) == 1:
        return {name: job.run(partial(report, name)) for name, job in group.items()}
    first = next(iter(group.values()))
    shared = SharedStreams(first.streams())
    begun, states = {}, {}
    for name, job in group.items():
        begun[name] = job.begin(shared.reader())
        states[name] = torch.get_rng_state()
    for _ in range(first.training.plan.steps):
        for name, (_, trainer) in begun.items():
            torch.set_rng_state(states[name])  # random numbers are those of a training by itself
            report(name, trainer.advance())
            states[name] = torch.get_rng_state()
    return {name: context.eval() for name, (context, _) in begun.items()}
