"""The command line: `wolfdog demo | tv | train | watch | evaluate`."""

from .app import main as main
