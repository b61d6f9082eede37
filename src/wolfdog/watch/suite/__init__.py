"""Suite of event worlds: memories are trained in each, and compared with its ideal observer."""

from .results import SUITE_GAPS, SuiteRun
from .run import SUITE_MEMORIES, run_suite
from .settings import SuiteSettings

__all__ = ["SUITE_GAPS", "SUITE_MEMORIES", "SuiteRun", "SuiteSettings", "run_suite"]
