"""The picture of a activations: which panels, in which order, from which numbers."""

from pathlib import Path

import numpy as np
import pytest
import torch

import wolfdog as wd
from wolfdog.errors import InputError


def activations(**options: object) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return wd.Recurrent(wd.cells.FourGateLSTMCell(3, 8, **options)).activations(torch.randn(40, 2, 3))


def panels(figure: object) -> dict[str, object]:
    return {axes.get_ylabel(): axes for axes in figure.axes if axes.get_label() == "panel"}


def test_all_that_the_units_have_each_once() -> None:
    # seen is [H + I], stm is use and ltm is remember
    expected = ["n", "i", "f", "v", "learn", "forget", "remember", "u", "use"]
    assert list(panels(wd.plot_gates(activations()))) == expected


def test_what_was_asked_for_of_the_example_that_was_asked_for() -> None:
    shown = activations()
    figure = wd.plot_gates(shown, ["f", "ltm", "seen"], example=1, title="Two streams")
    assert figure.get_suptitle() == "Two streams"
    assert list(panels(figure)) == ["f", "ltm", "seen"]
    drawn = panels(figure)["ltm"].images[0].get_array()
    assert drawn.shape == (8, 40)
    np.testing.assert_allclose(sorted(drawn[:, 20]), sorted(shown["ltm"][20, 1].numpy()), rtol=1e-6)


def test_gates_are_grey_from_0_to_1_and_the_others_red_and_blue_around_0() -> None:
    shown = panels(wd.plot_gates(activations(), ["f", "ltm"]))
    gate, memory = shown["f"].images[0], shown["ltm"].images[0]
    assert (gate.cmap.name, gate.get_clim()) == ("Greys", (0, 1))
    low, high = memory.get_clim()
    assert memory.cmap.name == "RdBu_r"
    assert low == -high < 0


def test_units_that_move_together_lie_together_in_all_panels() -> None:
    wave = torch.sin(torch.linspace(0, 9, 60))[:, None]
    sign = torch.tensor([1.0, -1.0, 0.0, 1.0, -1.0, 0.0, 1.0])
    memory = (wave * sign)[:, None]
    mark = torch.arange(7.0).expand(60, 1, 7)
    shown = panels(wd.plot_gates({"mark": mark, "memory": memory}))
    order = shown["mark"].images[0].get_array()[:, 0].astype(int)
    ordered = sign[torch.tensor(order)].tolist()
    assert ordered in (sorted(ordered), sorted(ordered, reverse=True))
    assert sorted(order) == list(range(7))
    by_mark = panels(wd.plot_gates({"mark": mark * wave[:, :, None], "memory": memory}, order="mark"))
    heights = by_mark["mark"].images[0].get_array()[:, 10]
    assert list(heights) == sorted(heights, reverse=True)


def test_few_units_are_lines_and_events_a_strip(tmp_path: Path) -> None:
    shown = activations() | {"p(wolf)": torch.rand(40, 2)}
    events = ["bear"] * 5 + [None] * 5 + ["unknown"] * 20 + ["bear"] * 10
    times = torch.arange(40) / 5
    figure = wd.plot_gates(shown, ["ltm", "p(wolf)"], events=events, times=times, order="ltm")
    strip, *_ = figure.axes
    assert [text.get_text() for text in strip.get_legend().get_texts()] == ["bear", "unknown"]
    spans = {
        bars.get_label(): [path.get_extents() for path in bars.get_paths()] for bars in strip.collections
    }
    np.testing.assert_allclose([(box.x0, box.x1) for box in spans["bear"]], [(0, 1), (6, 8)], atol=1e-5)
    (line,) = panels(figure)["p(wolf)"].lines
    ends = line.get_xdata()[0], line.get_xdata()[-1]
    np.testing.assert_allclose(ends, (0, 8), atol=1e-5)  # the last step has its length too
    assert figure.axes[2].get_xlabel() == "seconds"
    figure.savefig(tmp_path / "gates.png")
    assert (tmp_path / "gates.png").stat().st_size > 10_000


def test_steps_of_uneven_length_lie_where_they_were() -> None:
    times = np.cumsum([1.0, 1.0, 5.0] * 10 + [1.0] * 10)
    image = panels(wd.plot_gates(activations(), ["ltm"], times=times))["ltm"].collections[0]
    np.testing.assert_allclose(image.get_coordinates()[0, :-1, 0], times)


def test_layouts() -> None:
    shown = activations()
    flipped = {name: values.transpose(0, 1) for name, values in shown.items()}
    first, second = wd.plot_gates(shown, ["ltm"]), wd.plot_gates(flipped, ["ltm"], batch_first=True)
    drawn = [panels(figure)["ltm"].images[0].get_array() for figure in (first, second)]
    np.testing.assert_array_equal(*drawn)


def test_numbers_that_are_none() -> None:
    shown = activations()
    shown["ltm"][3:9] = torch.nan
    assert panels(wd.plot_gates(shown, ["ltm"]))["ltm"].images[0].get_clim()[1] > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"names": ["c"]}, "there is no activation 'c'; there are 'seen', 'n'"),
        ({"order": "c"}, "there is no activation 'c'"),
        ({"example": 2}, "an example 2; got"),
        ({"events": ["bear"]}, "events must name all 40 steps; got 1"),
        ({"times": [1.0, 2.0]}, r"one for each of 40 steps; got \[2\]"),
    ],
)
def test_mistakes(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        wd.plot_gates(activations(), **options)


def test_nothing_to_draw() -> None:
    with pytest.raises(InputError, match="there is no activation ''"):
        wd.plot_gates({})
