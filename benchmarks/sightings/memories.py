"""Memories of wolfdog that name the species of the next event and the time until it."""

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from wolfdog.watch.model.registry import make_memory

from .baselines import KINDS, Pair
from .reading import Sightings, Site

HIDDEN, BATCH, PIECE = 48, 16, 128
PATIENCE = 6
"""Epochs without a lower validation loss after which training ends."""

FEATURES = 6


class Forecaster(nn.Module):
    """Memory over events, with two heads: the species of the next event, and the class of the time until it.

    The heads read the memory and the event itself: gates that begin slow pass little of it.
    """

    def __init__(self, memory: str, classes: int) -> None:
        super().__init__()
        self.classes = classes
        options = {"window": 256} if memory == "attention" else {}
        self.memory = make_memory(memory, classes + FEATURES, HIDDEN, fps=1 / 60, **options)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(self.memory.output_size + classes + FEATURES, classes + KINDS)

    def forward(self, events: Tensor, state, resets: Tensor, times: Tensor):
        """Logits of the species [T, B, classes] and of the waits [T, B, KINDS], and the state."""
        y, state = self.memory(events, state, resets=resets, times=times)
        logits = self.head(torch.cat((self.dropout(y), events), -1))
        return logits[..., : self.classes], logits[..., self.classes :], state


def events_of(site: Site, classes: int) -> np.ndarray:
    """Events of a site as vectors: species, gap, hour of the day and day of the year."""
    hour, day = 2 * np.pi * site.hours / 24, 2 * np.pi * site.days / 365
    gap = np.log1p(site.gaps)
    numbers = [gap / 5 - 1, gap > np.log(3600), np.sin(hour), np.cos(hour), np.sin(day), np.cos(day)]
    return np.concatenate((np.eye(classes)[site.species], np.stack(numbers, 1)), 1).astype(np.float32)


def batches(sites: Sequence[Site], classes: int, order: Sequence[int]) -> list[tuple[Tensor, ...]]:
    """Sites side by side, padded at the end: events, times, and the classes of what is next, -100 where nothing is."""
    found = []
    for at in range(0, len(order), BATCH):
        group = [sites[number] for number in order[at : at + BATCH]]
        length = max(len(site) for site in group)
        events = torch.zeros(length, len(group), classes + FEATURES)
        times = torch.zeros(length, len(group), dtype=torch.float64)
        species, waits = (torch.full((length, len(group)), -100) for _ in range(2))
        for number, site in enumerate(group):
            n = len(site)
            events[:n, number] = torch.from_numpy(events_of(site, classes))
            times[:n, number] = torch.from_numpy(site.times - site.times[0])
            times[n:, number] = times[n - 1, number]
            species[: n - 1, number] = torch.from_numpy(site.species[1:])
            waits[: n - 1, number] = torch.from_numpy(site.waits)
        found.append((events, times, species, waits))
    return found


def pieces(batch: tuple[Tensor, ...]):
    """Consecutive pieces of a batch, each with whether it is the first."""
    for at in range(0, len(batch[0]), PIECE):
        yield at == 0, tuple(part[at : at + PIECE] for part in batch)


def taught(sightings: Sightings, memory: str, seed: int, epochs: int) -> tuple[Forecaster, int]:
    """A memory trained on the training sites, of the epoch with the lowest loss on the validation sites."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    classes, train = len(sightings.classes), sightings.parts["train"]
    model = Forecaster(memory, classes)
    optimiser = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=1e-2)
    best, kept, since, used = np.inf, copy.deepcopy(model.state_dict()), 0, 0
    by_length = np.argsort([len(site) for site in train])
    for epoch in range(epochs):
        model.train()
        # groups of about equal lengths, in random order
        mixed = by_length[np.argsort(np.arange(len(by_length)) + rng.normal(0, BATCH, len(by_length)))]
        groups = batches(train, classes, list(mixed))
        for number in rng.permutation(len(groups)):
            state = None
            for _, (events, times, species, waits) in pieces(groups[number]):
                resets = torch.zeros(times.shape, dtype=torch.bool)
                of_species, of_waits, state = model(events, state, resets, times)
                state = _detached(state)
                if not (species >= 0).any():
                    continue
                loss = cross_entropy(of_species.flatten(0, 1), species.flatten())
                loss = loss + cross_entropy(of_waits.flatten(0, 1), waits.flatten())
                optimiser.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimiser.step()
        loss = validation_loss(model, sightings)
        since += 1
        if loss < best:
            best, kept, since, used = loss, copy.deepcopy(model.state_dict()), 0, epoch + 1
        if since >= PATIENCE:
            break
    model.load_state_dict(kept)
    return model, used


def validation_loss(model: Forecaster, sightings: Sightings) -> float:
    """Sum of the two mean losses on the validation sites."""
    from .baselines import log_loss
    from .reading import targets

    sites = sightings.parts["validation"]
    return sum(log_loss(p, truth) for p, truth in zip(forecast(model, sites), targets(sites), strict=True))


@torch.no_grad()
def forecast(model: Forecaster, sites: Sequence[Site]) -> Pair:
    """Probabilities of the next species and of the waits, of all events but the last of each site, site by site."""
    model.eval()
    order = list(np.argsort([len(site) for site in sites]))
    found: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for number, batch in enumerate(batches(sites, model.classes, order)):
        state, parts = None, []
        for _, (events, times, _, _) in pieces(batch):
            resets = torch.zeros(times.shape, dtype=torch.bool)
            of_species, of_waits, state = model(events, state, resets, times)
            parts.append((of_species.softmax(-1), of_waits.softmax(-1)))
        species, waits = (torch.cat(part).numpy() for part in zip(*parts, strict=True))
        for column, site in enumerate(order[number * BATCH : (number + 1) * BATCH]):
            n = len(sites[site]) - 1
            found[site] = species[:n, column], waits[:n, column]
    in_order = [found[number] for number in range(len(sites))]
    return np.concatenate([pair[0] for pair in in_order]), np.concatenate([pair[1] for pair in in_order])


def _detached(state):
    from wolfdog.layers import detach

    return detach(state)
