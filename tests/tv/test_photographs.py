import itertools
import shutil

import numpy as np
import pytest
from PIL import Image

from wolfdog.errors import InputError, MediaError
from wolfdog.labels import read_labels
from wolfdog.tv import Photographs, Sampler, broadcast, default_world


@pytest.fixture
def folder(tmp_path):
    """Ten photographs of each label, of one colour each (a label's own, near enough)."""
    rng = np.random.default_rng(0)
    for number, label in enumerate(default_world().labels):
        (tmp_path / label).mkdir()
        for i in range(10):
            pixels = np.full((20 + i, 30, 3), number * 40, dtype=np.uint8) + rng.integers(
                0, 20, 3, dtype=np.uint8
            )
            ending = ("png", "jpg", "JPEG")[i % 3]
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / label / f"{i}.{ending}")
    (tmp_path / "readme.txt").write_text("not a photograph")
    (tmp_path / "wolf" / "notes.txt").write_text("nor this")
    return tmp_path


def _of(folder, part):
    return {path for label in default_world().labels for path in Photographs(folder, part).of(label)}


def test_no_photograph_is_in_two_parts(folder):
    parts = {part: _of(folder, part) for part in ("classifier", "memory", "test")}
    assert [len(paths) for paths in parts.values()] == [20, 15, 15]
    for one, two in itertools.combinations(parts.values(), 2):
        assert not one & two
    assert _of(folder, "train") == parts["classifier"] | parts["memory"]
    assert _of(folder, "all") == parts["classifier"] | parts["memory"] | parts["test"]


def test_the_same_picture_under_two_names_is_in_one_part(folder):
    for path in sorted((folder / "wolf").glob("*.png")):
        shutil.copy(path, path.with_name(f"copy of {path.name}"))
    for part in ("classifier", "memory", "test"):
        names = {path.name for path in Photographs(folder, part).of("wolf") if path.suffix == ".png"}
        originals = {name for name in names if not name.startswith("copy")}
        assert names == originals | {f"copy of {name}" for name in originals}


def test_the_split_does_not_depend_on_names_or_place(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    for number, path in enumerate(sorted(folder.glob("*/*.*"), reverse=True)):
        if path.suffix != ".txt":
            (other / path.parent.name).mkdir(exist_ok=True)
            shutil.copy(path, other / path.parent.name / f"{number:03d}{path.suffix}")
    for part in ("classifier", "memory", "test"):
        assert {path.read_bytes() for path in _of(folder, part)} == {
            path.read_bytes() for path in _of(other, part)
        }


def test_frames_show_the_label_and_not_the_look(folder):
    programme = Sampler(default_world().with_(switch_every=100), seed=3).draw(600)
    frames = np.stack(list(Photographs(folder, "all").frames(programme)))
    assert frames.shape == (600, 64, 64, 3)
    middles = frames[:, 24:40, 24:40].mean(axis=(1, 2, 3))
    means = [middles[programme.label[:, 0] == label].mean() for label in (0, 1, 4)]
    assert means[0] < means[1] < means[2]  # wolf, dog, unknown: darker to brighter


def test_the_labels_file_says_that_each_label_has_a_look_of_its_own(folder, tmp_path):
    world = default_world().with_(switch_every=60)
    done = broadcast(world, tmp_path, minutes=1, picture=Photographs(folder))
    spans = [span for spans in read_labels(done.labels).values() for span in spans]
    assert {"wolf", "dog"} <= {span.label for span in spans}
    assert all(span.look == span.label for span in spans)


def test_one_photograph_per_shot_the_same_every_time(folder):
    programme = Sampler(default_world(), streams=2, seed=3).draw(80)
    frames, again = (list(Photographs(folder, "classifier").frames(programme, 1)) for _ in range(2))
    assert np.array_equal(frames, again)
    alone = list(Photographs(folder, "classifier").frames(programme.alone(1)))
    assert np.array_equal(frames, alone)


def test_a_folder_that_is_not_there_or_empty_is_refused(tmp_path):
    with pytest.raises(MediaError, match="cannot be read"):
        Photographs(tmp_path / "none")
    with pytest.raises(MediaError, match="no photographs"):
        Photographs(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(MediaError, match="cannot be read"):
        Photographs(tmp_path / "file")


def test_labels_with_too_few_photographs_are_named(folder):
    shutil.rmtree(folder / "bear")
    with pytest.raises(MediaError, match="'bear', got none"):
        Photographs(folder).check(default_world())
    (folder / "bear").mkdir()
    for path in sorted((folder / "wolf").glob("*.png"))[:2]:
        shutil.move(path, folder / "bear")
    with pytest.raises(MediaError, match="'bear', got 2"):
        next(Photographs(folder).frames(Sampler(default_world()).draw(1)))


def test_one_photograph_with_two_labels_is_refused(folder):
    shutil.copy(folder / "wolf" / "0.png", folder / "dog" / "mine.png")
    with pytest.raises(InputError, match="two labels"):
        Photographs(folder)


@pytest.mark.parametrize("content", [b"", b"GIF89a", "half"])
def test_a_picture_that_cannot_be_read_is_named(folder, content):
    for path in (folder / "bear").iterdir():
        spoilt = path.read_bytes()[:60] if content == "half" else content
        path.write_bytes(spoilt + path.name.encode() if content != "half" else spoilt)
    with pytest.raises(MediaError, match=r"bear.*not a readable picture"):
        Photographs(folder).scene(default_world(), "bear", np.random.default_rng(0))


def test_a_part_that_is_none_is_refused(folder):
    with pytest.raises(InputError, match="classifier, memory, test"):
        Photographs(folder, "validation")
