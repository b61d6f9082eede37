"""Smoothing methods: predictions in, predictions with context probabilities out.

from wolfdog.watch.smoothing import METHODS, AnyClass
smoothed = AnyClass().smooth(predictions)                  # causal, pretrained
smoothed = METHODS["megadetector"](mode="mild").smooth(predictions, ahead=True)
"""

from .animl import Animl as Animl
from .any_class import AnyClass as AnyClass
from .any_class import AnyClassMemory as AnyClassMemory
from .deepfaune import SequenceMean as SequenceMean
from .frigate import Median as Median
from .hidden_markov import HiddenMarkov as HiddenMarkov
from .hidden_markov import Viterbi as Viterbi
from .majority import Majority as Majority
from .megadetector import MegaDetector as MegaDetector
from .method import Method as Method
from .method import Stream as Stream
from .moving_average import ExponentialMovingAverage as ExponentialMovingAverage
from .moving_average import Mean as Mean
from .none import NoSmoothing as NoSmoothing
from .site_prior import SitePrior as SitePrior

METHODS: dict[str, type[Method]] = {
    method.name: method
    for method in (
        AnyClass,
        HiddenMarkov,
        Viterbi,
        ExponentialMovingAverage,
        Mean,
        Majority,
        Median,
        SequenceMean,
        Animl,
        MegaDetector,
        SitePrior,
        NoSmoothing,
    )
}
"""Every method by its name; the options are its arguments."""
