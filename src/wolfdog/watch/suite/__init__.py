"""Suite of event worlds: memories are trained in each, and compared with its ideal observer."""

from .results import SUITE_GAPS, SuiteRun, read_runs
from .run import SUITE_MEMORIES, run_suite
from .settings import SuiteSettings

__all__ = ["SUITE_GAPS", "SUITE_MEMORIES", "SuiteRun", "SuiteSettings", "read_runs", "run_suite"]
