"""Labels in the formats and spellings that people have."""

import copy
import json
import math
import unicodedata

import numpy as np
import pytest

from watch_cards import camtrap_package
from wolfdog.errors import LabelsError
from wolfdog.labels import LabelSpan, examine_labels, match_files, present_at, read_labels, write_labels

SPANS = [LabelSpan(0.0, 2.5, "wolf"), LabelSpan(62.5, 70.0, "dog")]
ROWS = [("a.mp4", "0", "2.5", "wolf"), ("a.mp4", "62.5", "70", "dog")]


def table(separator=",", header=("video", "start", "end", "label"), rows=ROWS):
    return "\n".join(separator.join(row) for row in (header, *rows)) + "\n"


@pytest.mark.parametrize(
    "content",
    [
        table().encode(),
        table(";").encode(),
        table(";", rows=[[cell.replace(".5", ",5") for cell in row] for row in ROWS]).encode(),
        table("\t").encode("utf-16"),
        table("\t").encode("utf-16-le"),
        table("\t").encode("utf-16-be"),
        table().encode("utf-8-sig"),
        table(header=("Video", "START", "End time", "Class")).encode(),
        table(header=("File_Path", "Start (s)", "Stop", "Species")).encode(),
        table(
            rows=[("a.mp4", "00:00:00", "0:02.5", "wolf"), ("a.mp4", "00:01:02.500", "1:10", "dog")]
        ).encode(),
        table(rows=[(r".\a.mp4", "0", "2.5", "wolf"), ("./a.mp4", "62.5", "70.0", "dog")]).encode(),
        table().replace("\n", "\r\n\r\n").encode(),
        ("mood," + table().replace("\na", "\nx,a")).replace("wolf", "wolf,,").encode(),
    ],
)
def test_spellings_of_one_table(tmp_path, content):
    (tmp_path / "labels.csv").write_bytes(content)
    assert read_labels(tmp_path / "labels.csv") == {"a.mp4": SPANS}


def labels(tmp_path, text, name="labels.csv", **options):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return read_labels(tmp_path / name, **options)


def test_a_label_of_one_frame(tmp_path):
    path = tmp_path / "queue.csv"
    path.write_text("file,frame,label\na.mp4,12,wolf\nb.jpg,,dog\n")
    labels = read_labels(path)
    assert labels["a.mp4"] == [LabelSpan(12, 13, "wolf", unit="frames")]
    assert labels["b.jpg"] == [LabelSpan(0.0, math.inf, "dog", bag="b.jpg")]


def test_a_review_queue_that_is_filled_in_in_part(tmp_path):
    path = tmp_path / "results.review.csv"
    path.write_text(
        "rank,deployment,file,frame,detection,time,snapshot,context,label\n"
        "1,pond,a.mp4,12,-1,2.4,dog,wolf,wolf\n2,pond,a.mp4,40,-1,8.0,dog,wolf,\n3,road,b.jpg,0,-1,,dog,dog,dog\n"
    )
    labels = read_labels(path)
    assert labels["a.mp4"] == [LabelSpan(12, 13, "wolf", unit="frames")]
    assert labels["b.jpg"] == [LabelSpan(0, 1, "dog", unit="frames")]
    assert dict(labels.sites) == {"a.mp4": "pond", "b.jpg": "road"}
    path.write_text("file,label\na.mp4,wolf\nb.mp4,\n")
    with pytest.raises(LabelsError, match="label: expected a name"):
        read_labels(path)


def test_frames_open_ends_and_single_frames(tmp_path):
    read = labels(
        tmp_path, "video,start_frame,end_frame,label\na.mp4,0,30,wolf\na.mp4,30,,dog\na.mp4,90,90,bear\n"
    )
    assert read == {
        "a.mp4": [
            LabelSpan(0, 30, "wolf", unit="frames"),
            LabelSpan(30, 90, "dog", unit="frames"),
            LabelSpan(90, 91, "bear", unit="frames"),
        ]
    }
    present = present_at(
        read["a.mp4"], ["wolf", "dog", "bear"], [0.0, 1.0, 3.0, 3.1], frames=[29, 30, 90, 93]
    )
    assert present.argmax(1).tolist()[:3] == [0, 1, 2]
    assert not present[3].any()
    with pytest.raises(LabelsError, match="numbers of the frames are not known"):
        present_at(read["a.mp4"], ["wolf", "dog", "bear"], [0.0])


def test_an_open_end_in_seconds_lasts_to_the_next_label_or_to_the_end(tmp_path):
    read = labels(tmp_path, "video,start,end,label\na.mp4,4,,dog\na.mp4,0,,wolf\n")["a.mp4"]
    assert [(span.start, span.end, span.label) for span in read] == [(0, 4, "wolf"), (4, math.inf, "dog")]


def test_labels_of_files_and_sequences_are_bags_and_blank_ones_hold_throughout(tmp_path):
    read = labels(tmp_path, "filepath,label\na.mp4,wolf\na.mp4,dog\nb.mp4,Empty\n")
    assert [(span.label, span.bag) for span in read["a.mp4"]] == [("dog", "a.mp4"), ("wolf", "a.mp4")]
    assert read["b.mp4"] == [LabelSpan(0, math.inf, "Empty")]
    assert not present_at(read["a.mp4"], read.classes, [1.0]).any()
    burst = labels(
        tmp_path, "file,sequence,label,site\n1.jpg,s1,wolf,north\n2.jpg,s1,wolf,north\n", "burst.csv"
    )
    assert {span.bag for spans in burst.values() for span in spans} == {"s1"}
    assert burst.site("2.jpg") == "north"


def test_two_labels_hold_at_a_time(tmp_path):
    read = labels(tmp_path, "video,start,end,label\na.mp4,0,2,wolf\na.mp4,1,3,dog\n")["a.mp4"]
    assert present_at(read, ["dog", "wolf"], [0.5, 1.5, 2.5]).tolist() == [
        [False, True],
        [True, True],
        [True, False],
    ]


def test_spellings_are_merged_where_that_is_asked_for(tmp_path):
    text = "video,start,end,label\na.mp4,0,1,Red\na.mp4,1,2,red\nb.mp4,0,1,red\n"
    assert labels(tmp_path, text, merge_spellings=True).classes == ("red",)
    _, problems = examine_labels(tmp_path / "labels.csv")
    assert "--merge-spellings" in problems[0]


def test_everything_is_written_so_that_it_reads_the_same(tmp_path):
    spans = {
        "a.mp4": [LabelSpan(0, 1.25, "wolf", look="canine", channel="Nature"), LabelSpan(1, math.inf, "dog")],
        "b.mp4": [LabelSpan(3, 9, "wolf", unit="frames"), LabelSpan(9, math.inf, "dog", unit="frames")],
        "c.mp4": [LabelSpan(0, math.inf, "dog", bag="c.mp4")],
        "d.mp4": [LabelSpan(0, math.inf, "blank")],
        "e.jpg": [LabelSpan(0, math.inf, "dog", bag="s1")],
    }
    write_labels(tmp_path / "labels.csv", spans)
    assert read_labels(tmp_path / "labels.csv") == spans


BORIS_AGGREGATED = """Observation id,Source,Media file name,Subject,Behavior,Behavior type,Start (s),Stop (s)
o1,player #1:C:/v/a.mp4,C:/v/a.mp4,fox 1,digging,STATE,1.5,4.0
o1,player #1:C:/v/a.mp4,C:/v/a.mp4,fox 1,barking,POINT,6.0,6.0
"""
BORIS_TABULAR = """Observation id\tSource\tObservation id\tSubject\tBehavior\tBehavior type\tTime
o1\tplayer #1:C:/v/a.mp4\to1\tfox 1\tdigging\tSTART\t1.5
o1\tplayer #1:C:/v/a.mp4\to1\tfox 1\tdigging\tSTOP\t4.0
o1\tplayer #1:C:/v/a.mp4\to1\tfox 1\tbarking\tPOINT\t6.0
"""
BORIS_OLD = """Observation id\to1
Media file(s)
\t
Time\tMedia file path\tSubject\tBehavior\tStatus
1.5\tC:/v/a.mp4\tfox 1\tdigging\tSTART
4.0\tC:/v/a.mp4\tfox 1\tdigging\tSTOP
6.0\tC:/v/a.mp4\tfox 1\tbarking\tPOINT
"""
BORIS_PROJECT = {
    "behaviors_conf": {
        "0": {"type": "State event", "code": "digging"},
        "1": {"type": "Point event", "code": "barking"},
    },
    "observations": {
        "o1": {
            "file": {"1": ["C:/v/a.mp4"], "2": []},
            "events": [
                [1.5, "fox 1", "digging", "", ""],
                [6.0, "fox 1", "barking", "", ""],
                [4.0, "fox 1", "digging"],
            ],
        }
    },
}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", BORIS_AGGREGATED),
        ("a.tsv", BORIS_TABULAR),
        ("old.tsv", BORIS_OLD),
        ("a.boris", json.dumps(BORIS_PROJECT)),
    ],
)
def test_exports_of_boris(tmp_path, name, text):
    [spans] = labels(tmp_path, text, name).values()
    assert [(span.label, span.start, round(span.end, 1)) for span in spans] == [
        ("digging", 1.5, 4.0),
        ("barking", 6.0, 6.0),
    ]


@pytest.mark.parametrize("behaviours", [5, [], {"0": {"type": "Point event", "code": ["x"]}, "1": 3}])
def test_behaviours_of_boris_that_are_none_are_said(tmp_path, behaviours):
    project = copy.deepcopy(BORIS_PROJECT) | {"behaviors_conf": behaviours}
    [observation] = project["observations"].values()
    observation["events"].append([7.0, "fox 1", 0.5])
    _, problems = examine_labels(_json(tmp_path, project))
    assert any("a behaviour has a name, got 0.5" in problem for problem in problems)


def test_states_of_boris_that_never_stop_are_said(tmp_path):
    text = BORIS_TABULAR.replace("STOP", "START")
    (tmp_path / "a.tsv").write_text(text)
    _, problems = examine_labels(tmp_path / "a.tsv")
    assert "START follows a START" in problems[0]
    assert "never stops" in problems[1]


def test_exports_of_label_studio(tmp_path):
    ranges = {"ranges": [{"start": 1, "end": 40}], "timelinelabels": ["fox"]}
    track = {
        "framesCount": 100,
        "labels": ["dog"],
        "sequence": [
            {"frame": 11, "enabled": True},
            {"frame": 20, "enabled": False},
            {"frame": 91, "enabled": True},
        ],
    }
    results = [{"value": value} for value in (ranges, track, {"choices": ["night"]})]
    url = "/data/upload/1/0a1b2c3d-card%20a.mp4"
    task = {
        "id": 1,
        "data": {"video": url},
        "annotations": [{"result": results}, {"was_cancelled": True, "result": []}],
    }
    expected = [
        LabelSpan(0, 40, "fox", unit="frames"),
        LabelSpan(0, math.inf, "night", bag="card a.mp4"),
        LabelSpan(10, 20, "dog", unit="frames"),
        LabelSpan(90, 100, "dog", unit="frames"),
    ]
    assert labels(tmp_path, json.dumps([task]), "full.json") == {"card a.mp4": expected}
    small = [{"video": url, "videoLabels": [ranges], "id": 1, "annotator": 1}]
    assert labels(tmp_path, json.dumps(small), "min.json") == {"card a.mp4": expected[:1]}
    _, problems = examine_labels(_json(tmp_path, [{"id": 7, "data": {}, "annotations": []}]))
    assert "task 7: expected the path of a video" in problems[0]


def _json(folder, document):
    (folder / "file.json").write_text(json.dumps(document))
    return folder / "file.json"


def test_coco_camera_traps(tmp_path):
    document = {
        "images": [
            {"id": n, "file_name": f"site1/{n}.jpg", "location": "site1", "seq_id": "s", "frame_num": n}
            for n in (1, 2, 3)
        ],
        "categories": [{"id": 0, "name": "empty"}, {"id": 1, "name": "fox"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "sequence_level_annotation": True},
            {"id": 2, "image_id": 3, "category_id": 0},
        ],
    }
    read = read_labels(_json(tmp_path, document))
    assert [span.bag for name in read for span in read[name]] == ["s", "s", "", "s"]
    assert read.site("site1/2.jpg") == "site1"
    document["annotations"][0]["image_id"] = 9
    with pytest.raises(LabelsError, match="annotation 1: its image_id 9"):
        read_labels(_json(tmp_path, document))


def test_camtrap_dp_observations(tmp_path):
    folder = camtrap_package(
        tmp_path / "p",
        [("a.mp4", "north", "2026-05-01T10:00:00Z"), ("b.jpg", "north", "2026-05-01T10:00:30Z")],
    )
    rows = [
        "observationID,deploymentID,mediaID,eventID,eventStart,eventEnd,observationLevel,observationType,scientificName,"
        "classificationMethod",
        "1,north,m0,,2026-05-01T10:00:02Z,2026-05-01T10:00:05Z,media,animal,Vulpes vulpes,human",
        "2,north,m1,,2026-05-01T10:00:30Z,2026-05-01T10:00:30Z,media,blank,,human",
        "3,north,,e1,2026-05-01T09:59:00Z,2026-05-01T10:00:10Z,event,animal,Canis lupus,human",
        "4,north,m1,,2026-05-01T10:00:30Z,2026-05-01T10:00:30Z,media,animal,Meles meles,machine",
    ]
    (folder / "observations.csv").write_text("\n".join(rows) + "\n")
    read = read_labels(folder)
    assert read == {
        "a.mp4": [LabelSpan(0, math.inf, "Canis lupus", bag="e1"), LabelSpan(2, 5, "Vulpes vulpes")],
        "b.jpg": [LabelSpan(0, math.inf, "blank")],
    }
    assert read.site("a.mp4") == "north"


def test_arrays_of_labels(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[1, 0], [1, 1], [0, 0], [0, 1]]))
    np.save(tmp_path / "b.npy", np.array([0, 0, -1]))
    (tmp_path / "classes.json").write_text('{"classes": ["fox", "dog"], "fps": 2}')
    read = read_labels(tmp_path)
    assert read == {
        "a": [LabelSpan(0, 1, "fox"), LabelSpan(0.5, 1, "dog"), LabelSpan(1.5, 2, "dog")],
        "b": [LabelSpan(0, 1, "fox")],
    }
    assert list(match_files(read, ["north/a.AVI", "b.mp4"]).labels) == ["north/a.AVI", "b.mp4"]
    np.save(tmp_path / "b.npy", np.array([[0.5, 0.5]]))
    with pytest.raises(LabelsError, match="expected 0 and 1"):
        read_labels(tmp_path)


@pytest.mark.parametrize("kind", ["uint8", "int8", "uint64", "int64"])
def test_positions_of_classes_are_of_any_type_of_whole_numbers(kind, tmp_path):
    np.save(tmp_path / "a.npy", np.array([0, 0, 1], kind))
    (tmp_path / "a.json").write_text('["fox", "dog"]')
    table = read_labels(tmp_path / "a.npy")
    assert [(one.start, one.end, one.label) for one in table["a"]] == [(0, 2, "fox"), (2, 3, "dog")]


@pytest.mark.parametrize("name", ["labels.csv", "labels.json", "labels.boris", "labels.npy"])
@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 100, b"{}", b"[1, 2]", b'{"observations": {"a": 3}}', b"\xff\xfe\x00"]
)
def test_files_that_hold_no_labels_are_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LabelsError, match=name):
        read_labels(tmp_path / name)


FILES = ["North/a.MP4", "north/clip 1.mp4", "south/a.mp4", unicodedata.normalize("NFD", "café.mp4")]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("North/a.MP4", FILES[0]),
        ("north/A.mp4", FILES[0]),
        ("/mnt/card/north/a.mp4", FILES[0]),
        ("D:/data/South/a.mp4", FILES[2]),
        ("clip 1.MP4", FILES[1]),
        ("clip 1", FILES[1]),
        ("caf\xe9.mp4", FILES[3]),
    ],
)
def test_names_are_found_however_they_are_written(tmp_path, name, file):
    matched = match_files(labels(tmp_path, f"file,label\n{name},wolf\n"), FILES)
    assert list(matched.labels) == [file]
    assert matched.labels[file][0].bag == file
    assert len(matched.unlabelled) == len(FILES) - 1


def test_names_that_fit_nothing_or_two_files(tmp_path):
    read = labels(tmp_path, "file,label\nwest/a.mp4,wolf\nnorth/clip 1.mp4,wolf\n")
    assert match_files(read, FILES).missing == ("west/a.mp4",)
    with pytest.raises(LabelsError, match=r"a.mp4 may be North/a.MP4 or south/a.mp4"):
        match_files(labels(tmp_path, "file,label\na.mp4,wolf\n"), FILES)
    both = ["Red.mp4", "red.mp4"]
    assert list(match_files(labels(tmp_path, "file,label\nred.mp4,wolf\n"), both).labels) == ["red.mp4"]
    with pytest.raises(LabelsError, match="may be"):
        match_files(labels(tmp_path, "file,label\nRED.mp4,wolf\n"), both)
