"""The command line: `wolfdog demo | tv | train | watch | evaluate | export`."""

from .app import main as main
