import io
import zipfile

import numpy as np
import pytest

from wolfdog.errors import InputError
from wolfdog.text_files.array_file import read_npy, read_npz


def _header(text):
    data = text.encode()
    return b"\x93NUMPY\x01\x00" + len(data).to_bytes(2, "little") + data


def _npz(path, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members:
            file.writestr(name, data)


def test_arrays_of_an_archive_are_those_of_numpy(tmp_path):
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.array("text"), "c": np.empty(0, np.float16)}
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    found = read_npz(tmp_path / "a.npz")
    assert list(found) == ["a", "b", "c"]
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (21474836480,)}\n",
        "{'descr': '<U0', 'fortran_order': False, 'shape': (2147483648,)}\n",  # elements without bytes
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}\n",
        "{'descr': (), 'fortran_order': False, 'shape': (1,)}\n",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}\n",
        "{'descr': '<f4', 'fortran_order': False}\n",
    ],
)
def test_headers_that_announce_what_is_not_there_are_refused(header, tmp_path):
    data = _header(header) + bytes(8)
    (tmp_path / "a.npy").write_bytes(data)
    with pytest.raises(InputError, match=r"a\.npy"):
        read_npy(tmp_path / "a.npy")
    _npz(tmp_path / "a.npz", ("one.npy", data))
    with pytest.raises(InputError, match=r"a\.npz"):
        read_npz(tmp_path / "a.npz")


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("code", [0x110000, 0xFFFFFFFF, 0xD800])
def test_text_that_holds_no_characters_is_refused(code, order, tmp_path):
    codes = np.array([[97, code]], f"{order}u4")
    np.savez(tmp_path / "a.npz", good=np.array(["ab", "é"], f"{order}U2"), bad=codes.view(f"{order}U2"))
    with pytest.raises(InputError, match="'bad': holds numbers that are no characters"):
        read_npz(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", good=np.array(["ab", "\U0010ffff"], f"{order}U2"))
    assert read_npz(tmp_path / "a.npz")["good"].tolist() == ["ab", "\U0010ffff"]


def test_an_archive_that_announces_a_larger_member_is_refused(tmp_path):
    member = io.BytesIO()
    np.save(member, np.zeros(10))
    _npz(tmp_path / "a.npz", ("one.npy", member.getvalue()))
    data = bytearray((tmp_path / "a.npz").read_bytes())
    at = data.rindex(b"PK\x01\x02") + 24  # size of the member, in the list at the end
    data[at : at + 4] = (2**31).to_bytes(4, "little")
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(InputError, match="2,147,483,648 bytes, which the file does not hold"):
        read_npz(tmp_path / "a.npz")


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("wolfdog.text_files.array_file._BOMB_BYTES", 10_000)
    np.savez_compressed(tmp_path / "a.npz", zeros=np.zeros(100_000))
    with pytest.raises(InputError, match="that unpack to 800,128; they are not unpacked"):
        read_npz(tmp_path / "a.npz")
    np.savez_compressed(tmp_path / "a.npz", noise=np.random.default_rng(0).random(10_000))
    assert read_npz(tmp_path / "a.npz")["noise"].shape == (10_000,)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"text"])
def test_other_files_are_no_archives(data, tmp_path):
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(InputError, match=r"a\.npz: cannot be read as NumPy arrays"):
        read_npz(tmp_path / "a.npz")
