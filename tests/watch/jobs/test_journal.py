import os

import pytest

from wolfdog.errors import InputError
from wolfdog.watch.jobs.journal import Journal
from wolfdog.watch.jobs.plan import Record

ENTRIES = [{"n": 1}, {"text": "ä\n\x1b"}, {"list": [1, 2]}]


def test_what_is_appended_is_read_back(tmp_path):
    journal = Journal(tmp_path / "journal")
    assert journal.entries == []
    for entry in ENTRIES:
        journal.append([entry])
    assert Journal(journal.path).entries == ENTRIES


def test_a_line_that_was_cut_off_anywhere_is_dropped_and_overwritten(tmp_path):
    path = tmp_path / "journal"
    Journal(path).append(ENTRIES)
    whole = path.read_bytes()
    ends = [0, *(i + 1 for i, byte in enumerate(whole) if byte == 10)]
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        journal = Journal(path)
        complete = sum(end <= length for end in ends) - 1
        assert journal.entries == ENTRIES[:complete]
        journal.append([{"new": length}])
        assert Journal(path).entries == [*ENTRIES[:complete], {"new": length}]


def test_damage_before_intact_lines_is_told(tmp_path):
    path = tmp_path / "a" / "b" / "journal"
    path.parent.mkdir(parents=True)
    Journal(path).append(ENTRIES)
    data = bytearray(path.read_bytes())
    data[12] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match="line 1 is damaged, and intact lines follow"):
        Journal(path)


RECORD = Record("key", "0", *[(0, 10)] * 4, 1, 0, 1, 5, 1.0, (("b.mp4", "damaged"),), True, ("a.mp4.vtt",))


@pytest.mark.parametrize(
    "change",
    [
        {"moments": [1]},
        {"rows": None},
        {"media": "many"},
        {"troubles": [1]},
        {"files": ["../../a"]},
        {"part": "/etc"},
        {"part": ""},
    ],
)
def test_an_entry_of_another_kind_is_told(change, tmp_path):
    journal = Journal(tmp_path / "a" / "b" / "journal")
    journal.path.parent.mkdir(parents=True)
    journal.append([RECORD.entry()])
    assert Journal(journal.path).parsed(Record.of) == [RECORD]
    journal.append([RECORD.entry() | change])
    with pytest.raises(
        InputError, match=r"line 2 is no entry of this journal .* Delete the folder .*a to begin"
    ):
        Journal(journal.path).parsed(Record.of)


def test_an_entry_that_could_not_be_written_is_not_there(tmp_path, monkeypatch):
    journal = Journal(tmp_path / "journal")
    journal.append([{"n": 1}])

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space.*journal"):
        journal.append([{"n": 2}])
    monkeypatch.undo()
    journal.append([{"n": 3}])
    assert Journal(journal.path).entries == [{"n": 1}, {"n": 3}]
