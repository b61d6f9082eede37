"""Text cells that spreadsheets do not run as formulas."""

import re

_GUARDED = re.compile(r"'*[=+\-@\t\r]")


def guarded(text: str) -> str:
    """Text of a cell that a spreadsheet shows and does not compute.

    Spreadsheets take a cell of a CSV file that begins with `=`, `+`, `-`, `@`, a tab or a carriage return for a
    formula. Such a text gets an apostrophe before it, as OWASP recommends ("CSV injection"), and so does one that
    begins like a guarded one, so that `unguarded` gives every text back.

    Args:
        text: The text.

    Returns:
        The same text, or the text behind an apostrophe.

    Examples:
        >>> guarded("=1+1"), guarded("wolf")
        ("'=1+1", 'wolf')
    """
    return f"'{text}" if _GUARDED.match(text) else text


def unguarded(text: str) -> str:
    """Text of a cell that `guarded` may have written.

    Args:
        text: The text of the cell.

    Returns:
        The text without the apostrophe.

    Examples:
        >>> [unguarded(guarded(one)) for one in ("=1+1", "'-a", "wolf", "'wolf")]
        ['=1+1', "'-a", 'wolf', "'wolf"]
    """
    return text[1:] if text.startswith("'") and _GUARDED.match(text) else text
