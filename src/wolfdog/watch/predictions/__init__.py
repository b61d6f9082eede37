"""Predictions table, with one row for each classified frame or detection, and its file."""

from .parquet import PredictionsBuffer as PredictionsBuffer
from .parquet import PredictionsWriter as PredictionsWriter
from .parquet import read_predictions as read_predictions
from .parquet import write_predictions as write_predictions
from .table import Predictions as Predictions
