import pytest

from wolfdog.errors import InputError
from wolfdog.text_files.delimited_text import read_table


def test_a_table_of_100_000_columns_is_read(tmp_path):
    path = tmp_path / "a.csv"
    names = [f"c{number}" for number in range(100_000)]
    path.write_text(f"{','.join(names)}\n{','.join('1' for _ in names)}\n")
    header, [row], separator = read_table(path)
    assert (header, len(row), separator) == (names, 100_000, ",")


def test_a_column_that_stands_twice_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b,a\n1,2,3\n")
    with pytest.raises(InputError, match="the column 'a' occurs twice"):
        read_table(path)
