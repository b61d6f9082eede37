"""Models with layers in them, written to ONNX: what they do around their layers is in the file."""

import onnx
import pytest
import torch
from torch import Tensor, nn

import wolfdog as wd
from onnx_runtime import assert_gives, check_file, run
from tolerances import assert_agree
from wolfdog.errors import InputError, ONNXError
from wolfdog.layers.cell.state import tensors

T, B, E, H = 5, 3, 6, 8  # steps, batch, event size, hidden size


class Labels(nn.Module):
    """An encoder, a layer with a way past it, and a head."""

    def __init__(self, memory: nn.Module) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(E, H), nn.LayerNorm(H), nn.GELU(), nn.Dropout(0.5))
        self.memory, self.head = memory, nn.Linear(H, 4)

    def forward(self, x: Tensor, state: object = None, lengths: object = None) -> tuple[Tensor, object]:
        seen = self.encoder(x)
        y, state = self.memory(seen, state, *([] if lengths is None else [lengths]))
        return self.head(y + 0.5 * seen).softmax(-1), state


class Words(nn.Module):
    """Words to words: a table, two layers of torch.nn's with states of the model's own, the batch first."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(20, E)
        self.lower = nn.LSTM(E, H, 2, batch_first=True)
        self.upper = nn.GRU(H, H, batch_first=True)
        self.head = nn.Sequential(nn.Linear(H, 20), nn.LogSoftmax(-1))

    def forward(self, words: Tensor) -> Tensor:
        start = torch.zeros(2, len(words), H)
        y, _ = self.lower(self.table(words), (start, start))
        return self.head(self.upper(torch.relu(y))[0])


MEMORIES = {
    "an operator": lambda: wd.Recurrent(wd.cells.GRUCell(H, H), backend="eager"),
    "a scan": lambda: wd.Recurrent(wd.cells.FourGateLSTMCell(H, H), backend="eager"),
    "torch.nn": lambda: nn.LSTM(H, H, 2),
    "the batch first": lambda: wd.LSTM(H, H, batch_first=True),
}


@pytest.mark.parametrize("kind", MEMORIES)
def test_an_encoder_a_layer_and_a_head(kind: str, tmp_path) -> None:
    model = Labels(MEMORIES[kind]())
    wd.export_onnx(model, tmp_path / "model.onnx", states=True, classes=["a", "b", "c", "d"])
    wd.export_onnx(model, tmp_path / "step.onnx", mode="step")
    assert model.training
    model.eval()
    graph = check_file(tmp_path / "model.onnx").graph
    check_file(tmp_path / "step.onnx")
    for steps, batch in ((T, B), (1, 2)):
        first = kind == "the batch first"
        x = torch.randn(batch, steps, E) if first else torch.randn(steps, batch, E)
        state = model(torch.randn_like(x))[1]
        y, last = model(x, state)
        named = dict(zip([value.name for value in graph.input[1:]], tensors(state), strict=True))
        assert set(named) <= {"stm", "ltm"}
        assert_gives(tmp_path / "model.onnx", {"x": x} | named, [y, *tensors(last)])
        x_t = x[:, :1] if first else x[:1]
        y_t, after = model(x_t, state)
        y_t, x_t = (one[:, 0] if first else one[0] for one in (y_t, x_t))
        assert_gives(tmp_path / "step.onnx", {"x": x_t} | named, [y_t, *tensors(after)])


@pytest.mark.parametrize("number", [0, 1])
def test_a_sequential(number: int, tmp_path) -> None:  # whose parameters have names such as "0.weight"
    parts = [nn.Sequential(nn.Linear(E, H), nn.Tanh()), wd.Recurrent(wd.cells.GRUCell(H, H), backend="eager")]
    model = nn.Sequential(*parts[number:])
    x = torch.randn(T, B, H if number else E)
    wd.export_onnx(model, tmp_path / "model.onnx")
    wd.export_onnx(model, tmp_path / "step.onnx", mode="step")
    y, last = model(x)
    assert_gives(tmp_path / "model.onnx", {"x": x}, [y, last])
    y, after = model(x[:1])
    assert_gives(tmp_path / "step.onnx", {"x": x[0], "stm": torch.zeros(B, H)}, [y[0], after])


def test_words_and_several_layers(tmp_path) -> None:
    model = Words().eval()
    wd.export_onnx(model, tmp_path / "words.onnx")
    wd.export_onnx(model, tmp_path / "step.onnx", mode="step")
    check_file(tmp_path / "words.onnx")
    words = torch.randint(20, (B, T))
    found = run(tmp_path / "words.onnx", {"x": words})
    assert list(found) == ["y", "lower_stm_next", "lower_ltm_next", "upper_stm_next"]
    assert_agree(found["y"], model(words).detach())
    state = {
        "lower_stm": torch.zeros(2, B, H),
        "lower_ltm": torch.zeros(2, B, H),
        "upper_stm": torch.zeros(1, B, H),
    }
    for t in range(T):
        y, *after = run(tmp_path / "step.onnx", {"x": words[:, t]} | state).values()
        state = dict(zip(state, after, strict=True))
        assert_agree(y, found["y"][:, t])


def test_tables_that_come_after_the_layer(tmp_path) -> None:
    class Tables(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = wd.Recurrent(wd.cells.GRUCell(E, H), backend="eager")
            self.words, self.others = nn.Embedding(9, E, padding_idx=0), nn.Embedding(12, E)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(self.words(x) * self.others(x))[0]

    model = Tables()
    wd.export_onnx(model, tmp_path / "tables.onnx")
    check_file(tmp_path / "tables.onnx")
    x = torch.randint(9, (T, B))
    assert_agree(run(tmp_path / "tables.onnx", {"x": x})["y"], model(x).detach())


def test_lengths(tmp_path) -> None:
    model = Labels(wd.Recurrent(wd.cells.LSTMCell(H, H), backend="eager")).eval()
    wd.export_onnx(model, tmp_path / "model.onnx", lengths=True)
    x, lengths = torch.randn(T, B, E), torch.tensor([T, 2, 1])
    for row, length in enumerate(lengths):
        x[length:, row] = 0
    y, last = model(x, None, lengths)
    x = x + (x == 0).float()  # what lies past the end does not matter
    assert_gives(tmp_path / "model.onnx", {"x": x, "lengths": lengths}, [y, *last])


def test_a_layer_that_is_called_twice_has_two_memories(tmp_path) -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = wd.Recurrent(wd.cells.GRUCell(E, E), backend="eager")

        def forward(self, x: Tensor) -> Tensor:
            x = x.transpose(0, 1)
            return self.layer(self.layer(x)[0])[0].transpose(0, 1)

    model = Twice()
    wd.export_onnx(model, tmp_path / "twice.onnx", states=True)
    x, zeros = torch.randn(B, T, E), torch.zeros(B, E)
    found = run(tmp_path / "twice.onnx", {"x": x, "layer_stm": zeros, "layer_2_stm": zeros})
    assert_agree(found["y"], model(x).detach())


def test_what_is_wrapped_for_training(tmp_path) -> None:
    model = Labels(wd.Recurrent(wd.cells.GRUCell(H, H), backend="eager"))
    for name, whole in (("a.onnx", model), ("b.onnx", wd.Checkpointed(model))):
        wd.export_onnx(whole, tmp_path / name)
    a, b = (onnx.load(tmp_path / name).graph for name in ("a.onnx", "b.onnx"))
    assert (list(a.node), list(a.initializer)) == (list(b.node), list(b.initializer))


class Odd(nn.Module):
    """Does something with the outputs of its layer."""

    def __init__(self, do: object, size: int = H) -> None:
        super().__init__()
        self.layer, self.head, self.do = nn.GRU(E, H, batch_first=True), nn.Linear(H, size), do

    def append(self, attention: nn.Module) -> "Odd":
        self.attention = attention
        return self

    def forward(self, x: Tensor) -> object:
        return self.do(self, x)  # type: ignore[operator]


ODD = {
    "only layers may combine several events": lambda m, x: m.head(
        m.layer(x)[0] - m.layer(x)[0].mean(1, True)
    ),
    "with each event: only": lambda m, x: torch.roll(m.layer(x)[0], 1, 1),
    "does not return an output for each event": lambda m, x: m.head(m.layer(x)[0][:, -1]),
    "computes with a layer's state": lambda m, x: m.head(m.layer(x)[1][0]),
    "along the batch": lambda m, x: m.layer(x)[0][-1],
    "layer is called with more than events": lambda m, x: m.layer(x, torch.ones(1, len(x), H))[0],
    "several outputs": lambda m, x: (m.layer(x)[0], m.head(m.layer(x)[0])),
    "calls none of its layers": lambda m, x: 2 * x,
    "it fails with events of size": lambda m, x: m.layer(m.head(x))[0],
    "it returns dict; expected a tensor": lambda m, x: {"y": m.layer(x)[0]},
    "the operation sort is not one": lambda m, x: m.layer(x)[0].sort(-1)[0],
    "depends on the size of the batch": lambda m, x: m.layer(x)[0] / len(x),
}


@pytest.mark.parametrize("words", ODD)
def test_what_cannot_be_written_is_told(words: str, tmp_path) -> None:
    with pytest.raises(ONNXError, match=f"^Odd cannot be written to ONNX: .*{words}"):
        wd.export_onnx(Odd(ODD[words]), tmp_path / "odd.onnx")
    assert list(tmp_path.iterdir()) == []


def test_models_of_parts_that_do_not_fit_are_told(tmp_path) -> None:
    class Parts(Odd):
        def __init__(self, *parts: nn.Module) -> None:
            super().__init__(lambda m, x: m.parts[0](x))
            self.parts = nn.ModuleList(parts)

    path = tmp_path / "parts.onnx"
    for cell in (nn.GRUCell(2, 3), wd.cells.GRUCell(2, 3)):
        with pytest.raises(ONNXError, match=r"GRU(Cell)? is a cell: pass wd\.Recurrent\(cell\)"):
            wd.export_onnx(cell, path)
    with pytest.raises(ONNXError, match="models that contain such layers; got Sequential"):
        wd.export_onnx(nn.Sequential(nn.Linear(2, 3), nn.ReLU()), path)
    with pytest.raises(ONNXError, match="layers have different formats, float32, float64"):
        wd.export_onnx(Parts(nn.GRU(E, H).double()), path)
    with pytest.raises(ONNXError, match="max_norm"):
        wd.export_onnx(Parts(nn.Embedding(3, 4, max_norm=1.0)), path)
    attention = wd.memory.AdditiveAttention(H, H, window=3)
    for whole in (
        wd.memory.Attending(wd.Recurrent(wd.cells.GRUCell(E, H)), attention),
        Odd(lambda m, x: m.attention(m.layer(x)[0])[0]).append(attention),
    ):
        with pytest.raises(ONNXError, match="Its attention, of the class AdditiveAttention, has a memory"):
            wd.export_onnx(whole, path)
    with pytest.raises(InputError, match="Words takes no lengths"):
        wd.export_onnx(Words(), path, lengths=True)
    assert list(tmp_path.iterdir()) == []
