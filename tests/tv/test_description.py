"""Files of descriptions: their size, their kind and their encoding."""

import os

import pytest

from wolfdog.errors import WorldError
from wolfdog.tv.checks import check_number
from wolfdog.tv.description import LARGEST_DESCRIPTION, read_description, read_text


@pytest.mark.parametrize(("name", "text"), [("a.toml", "x = 1"), ("a.json", '{"x": 1}')])
def test_a_byte_order_mark_is_no_part_of_the_text(name, text, tmp_path):
    (tmp_path / name).write_text(text, encoding="utf-8-sig")
    assert read_description(tmp_path / name) == {"x": 1}


def test_messages_name_the_file_once(tmp_path):
    path = tmp_path / "a.toml"
    for content, said in (
        (b" " * (LARGEST_DESCRIPTION + 1), "larger than 1000000 bytes"),
        (b"\xff\xfe", "expected text in UTF-8"),
        (b"name =", "not TOML"),
    ):
        path.write_bytes(content)
        with pytest.raises(WorldError, match=said) as caught:
            read_description(path)
        assert str(caught.value).count("a.toml") == 1
        assert ".." not in str(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="devices of Unix")
def test_a_device_and_a_pipe_are_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, type(tmp_path)("/dev/zero")):
        with pytest.raises(WorldError, match="expected a file, got a folder, a device or a pipe"):
            read_text(path, 10)


def test_no_more_than_the_bound_is_read(tmp_path):
    (tmp_path / "a").write_bytes(b"12345678901")
    with pytest.raises(WorldError, match="larger than 10 bytes"):
        read_text(tmp_path / "a", 10)
    assert read_text(tmp_path / "a", 11) == "12345678901"
    with pytest.raises(WorldError, match="cannot be read"):
        read_text(tmp_path / "a\0b", 10)


@pytest.mark.parametrize(
    "value", [10**400, int("f" * 5000, 16), ["wolf"] * 100], ids=["long", "longer", "list"]
)
def test_long_values_are_not_shown_whole(value):
    with pytest.raises(WorldError, match="expected a number") as caught:
        check_number(value, "fps", 0, 1)
    assert len(str(caught.value)) < 150
