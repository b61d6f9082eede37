"""An endless stream in chunks: the state goes on, the gradient and the memory do not."""

import itertools
import weakref
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

import wolfdog as wd
from tolerances import assert_agree, assert_same
from wolfdog.errors import InputError
from wolfdog.layers import detach


def lstm(**options: object) -> wd.Recurrent:
    torch.manual_seed(2)
    return wd.Recurrent(wd.cells.LSTMCell(3, 4).double(), **options)


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("cell", [wd.cells.LSTMCell, wd.cells.GRUCell])
def test_the_state_goes_on_and_the_gradient_does_not(cell: type[wd.cells.Cell]) -> None:
    layer, x = wd.Recurrent(cell(3, 4).double()), drawn(12, 2, 3).requires_grad_()
    whole, last = layer(x)
    outputs, stream = [], wd.TruncatedBPTT(layer, x.split(5))
    for y, _, chunk in stream:
        outputs.append(y)
        reached = torch.autograd.grad(y.sum(), x, retain_graph=True)[0].abs().sum((1, 2)) > 0
        first = sum(map(len, outputs[:-1]))
        assert reached.nonzero().flatten().tolist() == list(range(first, first + len(chunk)))
    assert_agree((torch.cat(outputs).detach(), stream.state), (whole.detach(), detach(last)))


def test_chunks_with_lengths_and_resets() -> None:
    layer, x = lstm(), drawn(8, 2, 3)
    resets = torch.tensor([[t == 2, t == 6] for t in range(8)])
    whole, last = layer(x, lengths=[8, 7], resets=resets)
    chunks = [
        wd.Chunk(x[:4], resets=resets[:4], target="a"),
        wd.Chunk(x[4:], torch.tensor([4, 3]), resets[4:], "b"),
    ]
    learned = list(wd.TruncatedBPTT(layer, chunks))
    assert_agree((torch.cat([y for y, _, _ in learned]), learned[-1].state), (whole, last))
    assert [one.chunk.target for one in learned] == ["a", "b"]


def test_it_goes_on_from_where_another_ended() -> None:
    layer, x = lstm(), drawn(12, 2, 3)
    first = wd.TruncatedBPTT(layer, x[:6].split(3))
    list(first)
    assert not any(part.requires_grad for part in first.state)
    y, _, _ = next(wd.TruncatedBPTT(layer, [x[6:]], state=first.state))
    assert_agree(y, layer(x)[0][6:])


def test_a_state_with_a_graph_is_cut_off() -> None:
    layer = lstm()
    _, state = layer(drawn(3, 2, 3))
    y, _, _ = next(wd.TruncatedBPTT(layer, [drawn(4, 2, 3)], state=state))
    y.sum().backward()
    with torch.no_grad():
        layer.zero_grad(set_to_none=True)
    layer(drawn(4, 2, 3), detach(state))[0].sum().backward()  # the first graph has not been used up


def test_an_endless_stream_holds_two_chunks_at_most() -> None:
    alive: list[weakref.ref[Tensor]] = []
    most = 0

    def endless() -> Iterator[Tensor]:
        while True:
            chunk = torch.randn(6, 2, 3, dtype=torch.float64)
            alive.append(weakref.ref(chunk))
            yield chunk
            del chunk

    layer = lstm()
    graphs: list[weakref.ref[object]] = []
    for y, _, _ in itertools.islice(wd.TruncatedBPTT(layer, endless()), 20):
        graphs.append(weakref.ref(y.grad_fn))
        most = max(most, sum(ref() is not None for ref in alive), sum(ref() is not None for ref in graphs))
    assert most <= 2


def train(layer: nn.Module, chunks: list[Tensor], clip: float | None) -> list[float]:
    sgd = torch.optim.SGD(layer.parameters(), 0.3)
    return list(
        wd.TruncatedBPTT(layer, chunks).train(
            lambda y, chunk: (y - chunk[..., :1]).square().mean(), sgd, clip=clip
        )
    )


@pytest.mark.parametrize("clip", [None, 0.01])
def test_training_is_the_loop_written_by_hand(clip: float | None) -> None:
    chunks = list(drawn(20, 2, 3).split(4))
    layer = lstm()
    losses = train(layer, chunks, clip)
    other, state, expected = lstm(), None, []
    sgd = torch.optim.SGD(other.parameters(), 0.3)
    for chunk in chunks:
        y, state = other(chunk, state)
        loss = (y - chunk[..., :1]).square().mean()
        sgd.zero_grad()
        loss.backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(other.parameters(), clip)
        sgd.step()
        state = detach(state)
        expected.append(loss.item())
    assert losses == expected
    assert_same(tuple(layer.parameters()), tuple(other.parameters()))


def test_torch_s_own_layers() -> None:
    layer, x = nn.LSTM(3, 4, num_layers=2).double(), drawn(9, 2, 3)
    outputs = [y for y, _, _ in wd.TruncatedBPTT(layer, x.split(4))]
    assert_agree(torch.cat(outputs), layer(x)[0])


def test_what_is_no_chunk_is_refused() -> None:
    with pytest.raises(InputError, match=r"a chunk must be a tensor or wolfdog.Chunk.*got list"):
        next(wd.TruncatedBPTT(lstm(), [[drawn(3, 2, 3), "target"]]))
