"""Stories of the benchmark: the format of bAbI, the world that tells them, their numbers, and what learns from them."""

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wolfdog.errors import InputError

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.append(str(BENCHMARKS))
import babi  # noqa: E402
from stories import learning, numbers, paper, reading, world  # noqa: E402

TOLD = """1 Agnes walked to the attic.
2 Boris ran to the cellar.
3 Where is Agnes?\tattic\t1
4 Agnes crept into the cellar.
5 Where is  Agnes? \tcellar\t4

1 Boris ran to the attic.
2 Where is Boris?\tattic\t1
"""


def replayed(sentences: Iterable[tuple[str, ...]]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Where persons, and where things were, one place after the other, by the words of the sentences alone."""
    people: dict[str, list[str]] = {}
    things: dict[str, list[str]] = {}
    carried: dict[str, str] = {}
    acts = {tuple(act.split()): kind for kind in ("WALKS", "LIFTS", "LAYS") for act in getattr(world, kind)}
    for who, *did, what in sentences:
        kind = acts[tuple(did[:-1])]
        if kind == "WALKS":
            people.setdefault(who, []).append(what)
            for thing in (thing for thing, carrier in carried.items() if carrier == who):
                things[thing].append(what)
        elif kind == "LIFTS":
            assert what not in carried
            carried[what] = who
            there = people.get(who, ["?"])[-1]
            if things.setdefault(what, [there])[-1] != there:
                things[what].append(there)
        else:
            assert carried.pop(what, who) == who
    return people, things


def answered(question: reading.Question, sentences: Iterable[tuple[str, ...]]) -> str:
    people, things = replayed(sentences)
    if question.words[:2] == ("where", "is"):
        return {**people, **things}[question.words[-1]][-1]
    thing, place = things[question.words[3]], question.words[-1]
    assert thing[-1] == place
    return thing[-2]


@given(task=st.sampled_from((1, 2, 3)), seed=st.integers(0, 10**6))
def test_answers_are_so_and_follow_from_the_facts(task: int, seed: int) -> None:
    found = reading.read_lines(world.stories(task, 7, seed))
    assert len(found) == 7
    assert [len(question.facts) for question in found] == [task] * 7
    for question in found:
        assert answered(question, question.story) == question.answer
        if task != 2:
            facts = [question.story[fact] for fact in sorted(question.facts)]
            assert answered(question, facts) == question.answer
        else:  # who did something with the thing, and the place of that person
            act, walk = sorted(
                (question.story[fact] for fact in question.facts), key=lambda s: s[-1] in world.PLACES
            )
            assert act[-1] == question.words[-1]
            assert (walk[0], walk[-1]) == (act[0], question.answer)


def test_a_world_is_the_same_for_the_same_seed() -> None:
    told = list(world.stories(3, 20, 4))
    assert list(world.stories(3, 20, 4)) == told
    assert list(world.stories(3, 12, 4))[:-1] == told[: len(list(world.stories(3, 12, 4))) - 1]
    assert list(world.stories(3, 20, 5)) != told
    assert list(world.stories(2, 20, 4)) != told


@pytest.mark.parametrize("task", [1, 2, 3])
def test_answers_cannot_be_guessed(task: int) -> None:
    found = reading.read_lines(world.stories(task, 1500, 0))
    for guess in world.PLACES:
        assert sum(question.answer == guess for question in found) < 0.25 * len(found)
    lately = [question.story[-1][-1] == question.answer for question in found]
    assert sum(lately) < 0.6 * len(found)


def test_reading() -> None:
    found = reading.read_lines(TOLD.split("\n"))
    assert [len(question.story) for question in found] == [2, 3, 1]
    assert found[1].story[2] == ("agnes", "crept", "into", "the", "cellar")
    assert found[1].words == ("where", "is", "agnes")
    assert (found[1].answer, found[1].facts) == ("cellar", (2,))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Agnes walked.", "a line begins with its number, 1 or 9 here"),
        ("10 Agnes walked.", "a line begins with its number, 1 or 9 here"),
        ("99999999999999999999 Agnes walked.", "a line begins with its number"),
        ("9", "nothing is said"),
        ("9 ...", "nothing is said"),
        ("9 Where is Agnes?\tattic", "a tab, the answer, a tab, and numbers of lines"),
        ("9 Where is Agnes?\t\t1", "a tab, the answer, a tab, and numbers of lines"),
        (
            "9 Where is Agnes?\tattic\tone",
            "facts must be numbers of sentences earlier in the story; got 'one'",
        ),
        ("9 Where is Agnes?\tattic\t3", "facts must be numbers of sentences earlier"),
        ("9 Where is Agnes?\tattic\t9", "facts must be numbers of sentences earlier"),
    ],
)
def test_a_line_that_is_not_of_the_format(line: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "qa1_train.txt"
    begin = "\n".join(
        f"{n} Agnes ran to the attic." if n != 3 else "3 Where is Agnes?\tattic\t2" for n in range(1, 9)
    )
    path.write_text(f"{begin}\n{line}\n", encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(f"{path}, line 9: ") + ".*" + re.escape(said)):
        reading.read_file(path)


def test_files_that_are_none(tmp_path: Path) -> None:
    for content, said in (
        (b"\xff\xfe", "cannot be read"),
        (b"1 Agnes ran.\n", "no questions in it"),
        (b"", "no q"),
    ):
        (tmp_path / "some.txt").write_bytes(content)
        with pytest.raises(InputError, match=said):
            reading.read_file(tmp_path / "some.txt")
    with pytest.raises(InputError, match="cannot be read"):
        reading.read_file(tmp_path / "none.txt")


@given(text=st.text(alphabet="1234 \t\nab?.é", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    refused = ""
    try:
        reading.read_lines(text.split("\n"))
    except InputError as error:
        refused = str(error)
    assert not refused or re.match(r"stories, line \d+: ", refused)


def test_numbers() -> None:
    found = reading.read_lines(TOLD.split("\n"))
    vocabulary = numbers.Vocabulary(found[:1])
    assert len(vocabulary) == 11
    of = vocabulary.number
    asked = numbers.asked(found, vocabulary, capacity=2)
    assert asked.sentences.shape == (5, 5)
    assert not asked.sentences[0].any()
    words = asked.sentences[asked.stories]
    assert words[0, 0].tolist() == [of[word] for word in ("agnes", "walked", "to", "the", "attic")]
    assert words[1, 1].tolist() == [
        of["agnes"],
        0,
        0,
        of["the"],
        of["cellar"],
    ]  # what was never seen is no word
    assert not words[2, 0].any()  # in front
    assert asked.questions[1].tolist() == [of["where"], of["is"], of["agnes"]]
    assert asked.answers.tolist() == [of["attic"], of["cellar"], of["attic"]]
    assert len(asked.part(slice(1, 3))) == 2


def test_what_is_no_word_changes_nothing_that_an_lstm_hears() -> None:
    found = reading.read_lines(TOLD.split("\n"))
    vocabulary = numbers.Vocabulary(found)
    asked = numbers.asked(found, vocabulary, capacity=50)
    listener = learning.Listener(len(vocabulary), 6)
    together = listener(asked.stories, asked.questions, asked.sentences)
    told = torch.tensor([[n for s in asked.stories[1].tolist() for n in asked.sentences[s].tolist() if n]])
    text = torch.cat((told, asked.questions[1:2]), 1)
    alone = listener.answer(listener.layer(listener.words(text))[1][0][-1])
    torch.testing.assert_close(together[1:2], alone)


def test_the_recipe_learns_and_its_linear_start_ends() -> None:
    found = reading.read_lines(world.stories(1, 700, 0))
    vocabulary = numbers.Vocabulary(found)
    asked = numbers.asked(found, vocabulary, 10)
    train, valid = asked.part(slice(600)), asked.part(slice(600, 700))
    network = learning.memory_network(learning.VARIANTS["PE LS RN"], len(vocabulary), 20, 2, 10)
    assert network.linear
    before = learning.error(network, valid)
    assert learning.teach_memory_network(network, train, 20) == 4
    assert not network.linear
    assert learning.error(network, valid) < 60 < before
    listener = learning.Listener(len(vocabulary), 20)
    at_first = learning.loss(listener, valid)
    assert learning.teach_listener(listener, train, valid, 3) == 3
    assert learning.loss(listener, valid) < at_first - 0.5


def test_gradients_of_matrices_are_clipped_one_by_one() -> None:
    two, one = torch.nn.Parameter(torch.zeros(2, 3, 4)), torch.nn.Parameter(torch.zeros(3, 4))
    two.grad, one.grad = torch.randn(2, 3, 4), 100 * torch.randn(3, 4)
    two.grad[0] *= 100
    before = two.grad.clone()
    learning._clip_matrices([two, one])
    torch.testing.assert_close(two.grad[0], 40 * before[0] / before[0].norm())
    torch.testing.assert_close(two.grad[1], before[1])
    torch.testing.assert_close(one.grad.norm(), torch.tensor(40.0))


def test_the_script_learns_reports_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for part, count, seed in (("train", 1000, 0), ("test", 50, 1)):
        text = "\n".join(world.stories(1, count, seed))
        (tmp_path / f"qa1_where_{part}.txt").write_text(text, encoding="utf-8")
    file = tmp_path / "found.json"
    once = (
        "--data",
        tmp_path,
        "--tasks",
        1,
        "--epochs",
        1,
        "--models",
        "PE LS RN",
        "--json",
        file,
        "--seeds",
    )

    def run(*arguments: object) -> tuple[str, str]:
        babi.main([str(argument) for argument in (*once, *arguments)])
        return capsys.readouterr()

    said, _ = run(1, "--train", 1000)
    [first] = json.loads(file.read_text(encoding="utf-8"))
    assert (first["task"], first["questions"], first["seed"], first["origin"]) == (1, 1000, 0, "bAbI")
    assert 0 <= first["test"] <= 100
    assert f"| {first['test']:.1f} of 1 [{first['test']:.1f}] (0.0) |" in said
    said, learned = run(2, "--train", 1000)
    assert "from 1,000 questions in 1 epochs" in said
    assert re.search(r"\| [\d.]+ ± [\d.]+ of 2 \[", said)
    assert [run["seed"] for run in json.loads(file.read_text(encoding="utf-8"))] == [0, 1]
    assert learned.count("\n") == 1  # the second alone was learned
    with pytest.raises(InputError, match="its file has 1000"):
        run(1, "--train", 10_000)
    for content in ("[3]", "{", '[{"task": 1}]'):
        file.write_text(content, encoding="utf-8")
        with pytest.raises(InputError, match="not a file that this script wrote"):
            run(1, "--train", 1000)
    command = [sys.executable, str(BENCHMARKS / "babi.py"), "--json", str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith("babi.py: ")
    assert "Traceback" not in ended.stderr


def test_the_paper_has_every_cell() -> None:
    assert set(paper.VARIANTS) == {*learning.VARIANTS, "LSTM"}
    assert paper.told(2, 1000, "PE LS RN") == 8.3
    assert paper.told(2, 300, "PE") is None
