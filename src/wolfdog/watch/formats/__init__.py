"""Result files of other tools: read as predictions, and written again with context labels beside the old ones.

from wolfdog.watch.formats import read_results
results = read_results("results.json")
results.write(AnyClass().smooth(results.predictions), "smoothed.json")
"""

from .registry import FORMATS as FORMATS
from .registry import read_results as read_results
from .results import Results as Results
