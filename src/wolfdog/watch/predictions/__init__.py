"""Predictions table: one row for each thing that a classifier looked at, and its file."""

from .parquet import PredictionsWriter as PredictionsWriter
from .parquet import read_predictions as read_predictions
from .parquet import write_predictions as write_predictions
from .table import Predictions as Predictions
