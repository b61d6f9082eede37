"""Hidden Markov chain of one fact of an event world."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Automaton:
    """Hidden Markov chain of one fact, with S states, K cues and L labels.

    Between two frames the state moves by `elapse`. A cue of the fact is cue k with probability `cue[s, k]` in state s,
    and moves the state from s to `after[s, k]`.

    Args:
        elapse: Transition probabilities of one frame [S, S].
        cue: Probability of each cue in each state, given that the event is a cue of this fact [S, K].
        after: State after each cue [S, K].
        label: Label of each state, a number from 0 to L - 1 [S].
        initial: Distribution at the beginning of a stream [S].
    """

    elapse: Floats
    cue: Floats
    after: Ints
    label: Ints
    initial: Floats
