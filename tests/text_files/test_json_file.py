import json

import pytest

from wolfdog.errors import InputError
from wolfdog.text_files.json_file import read_json


@pytest.mark.parametrize("value", [None, [], {"a": [1, -2.5, "ä", 10**299, -(2**63)]}])
def test_json_is_read(value, tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(value), encoding="utf-8-sig")
    assert read_json(path) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1,", "line 1, column 4"),
        ("[NaN]", "NaN is no number of JSON"),
        ("[-Infinity]", "-Infinity is no number of JSON"),
        ("[" * 5000, "nested too deep"),
        ("9" * 400, "a whole number of 400 digits"),
        ("-" + "9" * 5000, "a whole number of 5001 digits"),
        ("\udc80", "expected text in UTF-8, got other bytes at 0"),
    ],
)
def test_mistakes(text, message, tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=message):
        read_json(path)
