"""Labels of videos and images: spans of time, their files in several formats, and the matching with footage."""

from .csv_labels import write_labels
from .matching import Matched, match_files, matching_files
from .reading import examine_labels, read_labels
from .spans import LabelSpan, labels_at, present_at, rows_of, spans_at
from .splits import leaks, split_by_site
from .table import LabelTable

__all__ = [
    "LabelSpan",
    "LabelTable",
    "Matched",
    "examine_labels",
    "labels_at",
    "leaks",
    "match_files",
    "matching_files",
    "present_at",
    "read_labels",
    "rows_of",
    "spans_at",
    "split_by_site",
    "write_labels",
]
