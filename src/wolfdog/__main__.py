"""`python -m wolfdog`: the same as the command `wolfdog`."""

from .cli import main

main()
