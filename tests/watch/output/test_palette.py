import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from wolfdog.watch.output.palette import HUES, NOTHING, Paint, palette

# What a dichromat sees of linear red, green and blue: Vienot, Brettel and Mollon, Color Research and
# Application 24(4), 1999; protanopia and deuteranopia.
BLIND = [
    np.array([[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]]),
    np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]]),
]


def linear(paint):
    return (np.array(paint.rgb) / 255) ** 2.2


@given(st.lists(st.text(min_size=1), unique=True, max_size=35))
def test_every_class_has_a_paint_of_its_own(classes):
    paints = palette(classes)
    assert list(paints) == classes
    assert len(set(paints.values())) == len(classes)


def test_a_class_keeps_its_paint_when_classes_are_added_behind_it():
    few, more = palette(["wolf", "unknown", "dog"]), palette(["wolf", "unknown", "dog", "bear", "blank"])
    assert all(few[name] == more[name] for name in few)
    assert more["unknown"].fill == NOTHING["unknown"]


def test_hues_stay_apart_for_those_who_do_not_see_red_or_green():
    paints = [Paint(fill, "") for fill in (*HUES, *NOTHING.values())]
    for blindness in [np.eye(3), *BLIND]:
        seen = [np.clip(blindness @ linear(p), 0, 1) ** (1 / 2.2) * 255 for p in paints]
        for (a, one), (b, other) in itertools.combinations(zip(paints, seen, strict=True), 2):
            assert np.linalg.norm(one - other) > 25, (a, b)


def test_ink_stands_out_from_the_fill():
    for fill in (*HUES, *NOTHING.values()):
        paint = Paint(fill, "")
        fill_light, ink_light = (linear(p) @ [0.2126, 0.7152, 0.0722] for p in (paint, Paint(paint.ink, "")))
        low, high = sorted([fill_light, ink_light])
        assert (high + 0.05) / (low + 0.05) > 3  # WCAG's contrast for large text
