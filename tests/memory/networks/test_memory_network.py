"""Memory networks over words: against their equations, padding, order, noise, linear start, files, and mistakes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

import wolfdog as wd
from attention_cases import drawn
from cases import scrambled
from hops_equations import encoded, read
from tolerances import assert_agree, assert_same
from wolfdog import memory as m
from wolfdog.errors import InputError, ShapeError

V, D = 9, 4
TYINGS = {"adjacent": m.Adjacent(), "layer-wise": m.LayerWise()}
ENCODINGS = {"bag": m.BagOfWords(), "position": m.PositionEncoding()}
STORIES = torch.tensor(
    [
        [[1, 2, 3], [0, 0, 0], [4, 0, 0], [5, 2, 0]],
        [[7, 7, 8], [1, 4, 0], [0, 0, 0], [0, 0, 0]],
        [[0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]],
    ]
)
QUESTIONS = torch.tensor([[2, 5], [3, 0], [8, 1]])


def make(
    tying: str = "adjacent", encoding: str = "position", capacity: int | None = 5, **options: object
) -> object:
    temporal = None if capacity is None else m.TemporalEncoding(capacity, options.pop("noise", 0.0))
    network = wd.MemoryNetwork(
        V,
        D,
        tying=TYINGS[tying],
        encoding=ENCODINGS[encoding],
        temporal=temporal,
        dtype=torch.float64,
        **options,
    )
    return scrambled(network).eval()


def judged(network: m.MemoryNetwork, tying: str, encoding: str, story: object, question: object) -> object:
    """Logits, and the weights of every hop on the sentences that are there."""
    p = {name.removeprefix("hops."): value.detach().numpy() for name, value in network.state_dict().items()}
    there = [sentence for sentence in story.tolist() if any(sentence)]
    ages = None if network.temporal is None else list(range(len(there)))[::-1]
    if ages is not None:
        there, ages = there[-network.temporal.capacity :], ages[-network.temporal.capacity :]
    embedded = [[encoded(sentence, table, encoding) for table in p["entries.E"]] for sentence in there]
    B = p["questions.E"][0] if tying == "layer-wise" else p["entries.E"][0]
    activation = (lambda a: np.maximum(a, 0)) if network.hops.activation else (lambda a: a)
    u = encoded(question.tolist(), B, encoding)
    weighting = "linear" if network.linear else "softmax"
    u, shares = read(u, embedded, ages, network.hops.hops, p, tying, activation, weighting)
    return (p["W"] if "W" in p else p["entries.E"][-1]) @ u, shares


@pytest.mark.parametrize(
    "options", [{}, {"answers": 3, "activation": torch.relu}, {"linear": True, "hops": 1}]
)
@pytest.mark.parametrize("capacity", [None, 2, 5])
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("tying", TYINGS)
def test_equations(tying: str, encoding: str, capacity: int | None, options: dict) -> None:
    network = make(tying, encoding, capacity, **options)
    logits, weights = network(STORIES, QUESTIONS, need_weights=True)
    assert weights.shape == (3, network.hops.hops, 4)
    assert_agree(network(STORIES, QUESTIONS), logits)
    for b, story in enumerate(STORIES):
        right, shares = judged(network, tying, encoding, story, QUESTIONS[b])
        assert_agree(logits[b], torch.from_numpy(right))
        there = story.any(-1).nonzero()[:, 0][-(capacity or 4) :]
        for hop, share in zip(weights[b], shares, strict=True):
            assert_agree(hop[there], torch.from_numpy(share))
            assert_agree(hop.abs().sum(), torch.from_numpy(np.abs(share)).sum())


def test_the_judge_sees_another_encoding_and_another_order() -> None:
    network = make()
    logits = network(STORIES, QUESTIONS)
    with pytest.raises(AssertionError):
        assert_agree(
            logits[0], torch.from_numpy(judged(network, "adjacent", "bag", STORIES[0], QUESTIONS[0])[0])
        )
    other = judged(network, "adjacent", "position", STORIES[0].flip(0), QUESTIONS[0])
    with pytest.raises(AssertionError):
        assert_agree(logits[0], torch.from_numpy(other[0]))


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("tying", TYINGS)
def test_gradients(tying: str, encoding: str) -> None:
    network = make(tying, encoding, 2, answers=2, hops=2, activation=torch.tanh)
    names = list(network.state_dict())

    def run(*parameters: torch.Tensor) -> object:
        given = dict(zip(names, parameters, strict=True))
        return torch.func.functional_call(network, given, (STORIES[:2], QUESTIONS[:2]))

    assert torch.autograd.gradcheck(run, tuple(network.parameters()))


@given(
    sentences=st.lists(st.lists(st.integers(1, V - 1), min_size=1, max_size=4), max_size=6),
    question=st.lists(st.integers(1, V - 1), max_size=3),
    wide=st.integers(0, 3),
    places=st.lists(st.integers(0, 6), max_size=3),
    encoding=st.sampled_from(sorted(ENCODINGS)),
)
def test_padding_never_changes_an_answer(
    sentences: list[list[int]], question: list[int], wide: int, places: list[int], encoding: str
) -> None:
    network = make(encoding=encoding, capacity=4)
    width = max(map(len, sentences), default=0)
    tight = (
        torch.tensor([row + [0] * (width - len(row)) for row in sentences])
        .long()
        .view(1, len(sentences), width)
    )
    loose = [[0] * wide + row + [0] * (width - len(row)) for row in sentences]
    for place in places:
        loose.insert(place, [0] * (width + wide))
    asked = torch.tensor([question]).long(), torch.tensor([[0] * wide + question + [0]]).long()
    logits, weights = network(tight, asked[0], need_weights=True)
    filled = torch.tensor(loose).long().view(1, len(loose), width + wide)
    again, shares = network(filled, asked[1], need_weights=True)
    assert_agree(again, logits)
    assert_agree(shares[:, :, filled[0].any(-1)], weights)
    assert not shares[:, :, ~filled[0].any(-1)].any()


@given(order=st.permutations(range(5)), tying=st.sampled_from(sorted(TYINGS)))
def test_order_matters_with_temporal_encoding_alone(order: list[int], tying: str) -> None:
    stories, questions = torch.randint(1, V, (2, 5, 3)), torch.randint(1, V, (2, 2))
    without, with_it = make(tying, capacity=None), make(tying, capacity=5)
    assert_agree(without(stories[:, order], questions), without(stories, questions))
    if order != sorted(order):
        assert not torch.allclose(with_it(stories[:, order], questions), with_it(stories, questions))


@pytest.mark.parametrize("capacity", [None, 4])
def test_each_sentence_once(capacity: int | None) -> None:
    network, sentences = make(capacity=capacity), torch.tensor([[0, 0, 0], [1, 2, 3], [4, 5, 0]])
    numbers = torch.tensor([[0, 1, 2, 1], [2, 2, 0, 1]])
    whole = network(sentences[numbers], QUESTIONS[:2], need_weights=True)
    assert_agree(network(numbers, QUESTIONS[:2], sentences=sentences, need_weights=True), whole)
    short = [tensor.int() for tensor in (numbers, QUESTIONS[:2], sentences)]
    assert_agree(network(*short[:2], sentences=short[2], need_weights=True), whole)


def test_random_noise_is_of_training_and_older_sentences_look_older() -> None:
    network = make(capacity=50, noise=0.5)
    calm = network(STORIES, QUESTIONS)
    assert_same(network(STORIES, QUESTIONS), calm)
    network.train()
    torch.manual_seed(0)
    noisy, weights = network(STORIES, QUESTIONS, need_weights=True)
    assert weights.shape == (3, 3, 4)
    assert not torch.allclose(noisy[0], calm[0])
    torch.manual_seed(0)
    assert_same(network(STORIES, QUESTIONS), noisy)
    assert float(weights[0].detach().sum()) < 3  # some weight lies on empty sentences
    sure = m.TemporalEncoding(50, 1.0)
    ages, held = sure.ages(torch.tensor([[True, False, True]]), training=True)
    assert ages.tolist() == [[3, 2, 1, 2, 2, 0]]  # after each sentence comes an empty one
    assert held.tolist() == [[True, False, True, True, False, True]]


def test_how_much_noise_there_is() -> None:
    torch.manual_seed(0)
    ages, held = m.TemporalEncoding(500, 0.1).ages(torch.ones(200, 100, dtype=torch.bool), training=True)
    assert held.shape == ages.shape == (200, 200)
    empty = held[:, 100:].double().mean()
    assert 0.09 < empty < 0.11
    for row, there in zip(ages, held, strict=True):
        assert sorted(row[there].tolist()) == list(range(int(there.sum())))


def test_empty_sentences_are_read_as_the_equations_say() -> None:
    network = make(capacity=8, noise=1.0).train()
    logits = network(STORIES[1:2], QUESTIONS[1:2])
    p = {name.removeprefix("hops."): value.detach().numpy() for name, value in network.state_dict().items()}
    nothing = [np.zeros(D)] * 4
    embedded = [[encoded(s, table, "position") for table in p["entries.E"]] for s in ([7, 7, 8], [1, 4])]
    u = encoded([3], p["entries.E"][0], "position")
    u, _ = read(u, [embedded[0], nothing, embedded[1], nothing], [3, 2, 1, 0], 3, p, "adjacent")
    assert_agree(logits[0], torch.from_numpy(p["entries.E"][-1] @ u))


def test_a_linear_start_ends() -> None:
    network = make(linear=True)
    linear, weights = network(STORIES, QUESTIONS, need_weights=True)
    assert float(weights.detach().min()) < 0
    network.linear = False
    soft, weights = network(STORIES, QUESTIONS, need_weights=True)
    assert float(weights.detach().min()) >= 0
    assert not torch.allclose(soft[0], linear[0])
    assert "linear=True" not in repr(network)


def test_it_learns_two_facts() -> None:
    """Who has the thing, and where that one is: what one hop cannot do."""

    def told(count: int, chance: torch.Generator) -> tuple[torch.Tensor, ...]:
        place = torch.stack([torch.randperm(3, generator=chance) for _ in range(count)])  # of persons 0, 1, 2
        has = torch.randint(3, (count, 1), generator=chance)
        persons = torch.arange(3).expand(count, -1)
        walks = torch.stack((persons + 1, place + 4), -1)
        lifts = torch.cat((has + 1, torch.full_like(has, 7)), 1)[:, None]
        order = torch.rand(count, 4, generator=chance).argsort(1)[..., None].expand(-1, -1, 2)
        return (
            torch.cat((walks, lifts), 1).gather(1, order),
            torch.full((count, 1), 7),
            place.gather(1, has)[:, 0],
        )

    chance = torch.Generator().manual_seed(0)
    stories, questions, answers = told(256, chance)
    reached = {}
    for hops in (1, 2):
        network = wd.MemoryNetwork(8, 12, hops=hops, answers=3, encoding=m.BagOfWords())
        optimiser = torch.optim.Adam(network.parameters(), 0.03)
        for _ in range(150):
            loss = torch.nn.functional.cross_entropy(network(stories, questions), answers)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        unseen, asked, right = told(500, chance)
        reached[hops] = float((network(unseen, asked).argmax(1) == right).double().mean())
    assert reached[2] > 0.95
    assert reached[1] < 0.8


@pytest.mark.parametrize("tying", TYINGS)
def test_saved_and_loaded(tying: str, tmp_path: Path) -> None:
    network = make(tying, answers=3)
    save_file(network.state_dict(), tmp_path / "network.safetensors")
    again = scrambled(make(tying, answers=3), seed=5)
    again.load_state_dict(load_file(tmp_path / "network.safetensors"))
    assert_same(again(STORIES, QUESTIONS), network(STORIES, QUESTIONS))


def test_nothing_comes_of_nothing() -> None:
    network = make()
    assert network(STORIES[:0], QUESTIONS[:0]).shape == (0, V)
    u = encoded(QUESTIONS[2].tolist(), network.entries.E[0].detach().numpy(), "position")
    expected = network.entries.E[-1].detach() @ torch.from_numpy(u)
    assert_agree(network(STORIES[2:], QUESTIONS[2:])[0].detach(), expected)
    assert_agree(network(STORIES[2:, :0], QUESTIONS[2:])[0].detach(), expected)


def test_mistakes() -> None:
    network = make()
    for wrong in (STORIES[0], STORIES.double(), drawn(3, 4)):
        with pytest.raises(ShapeError, match=r"stories must be \[B, S, W\], indices of words"):
            network(wrong, QUESTIONS)
    with pytest.raises(InputError, match="stories must be indices of words, from 0 to 8; got 0 to 9"):
        network(STORIES + (STORIES == 8), QUESTIONS)
    with pytest.raises(InputError, match="questions must be indices of words, from 0 to 8; got -1"):
        network(STORIES, QUESTIONS - 1 - (QUESTIONS > 0).long())
    with pytest.raises(InputError, match="stories must be indices of sentences, from 0 to 1"):
        network(torch.tensor([[0, 2]]), QUESTIONS[:1], sentences=STORIES[0, :2])
    with pytest.raises(ShapeError, match="stories and questions must be of one batch"):
        network(STORIES, QUESTIONS[:2])
    with pytest.raises(InputError, match="KeyValueMemoryNetwork"):
        wd.MemoryNetwork(V, D, tying=m.KeyValue())
    with pytest.raises(InputError, match="temporal must be TemporalEncoding"):
        wd.MemoryNetwork(V, D, temporal=50)
    with pytest.raises(InputError, match="encoding must be"):
        wd.MemoryNetwork(V, D, encoding="bag")
    with pytest.raises(InputError, match="answers must be a positive whole number"):
        wd.MemoryNetwork(V, D, answers=0)
    with pytest.raises(InputError, match="noise must be a number from 0 to 1"):
        m.TemporalEncoding(50, noise=10)
    with pytest.raises(InputError, match="capacity must be a positive whole number"):
        m.TemporalEncoding(0)
