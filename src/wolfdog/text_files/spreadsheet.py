"""Text cells that spreadsheets do not run as formulas."""

_BEGINS = ("=", "+", "-", "@", "\t", "\r")


def guarded(text: str) -> str:
    """Text of a cell that a spreadsheet shows and does not compute.

    Spreadsheets take a cell of a CSV file that begins with `=`, `+`, `-`, `@`, a tab or a carriage return for a
    formula. Such a text gets an apostrophe before it, as OWASP recommends ("CSV injection").

    Args:
        text: The text.

    Returns:
        The same text, or the text behind an apostrophe.

    Examples:
        >>> guarded("=1+1"), guarded("wolf")
        ("'=1+1", 'wolf')
    """
    return f"'{text}" if text.startswith(_BEGINS) else text
