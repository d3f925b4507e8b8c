"""The colours of terms: a turn in which neighbours differ clearly, and whose ink can be read."""

import re
from itertools import pairwise

import pytest

from widgets.palette import NO_TERM, TERMS
from widgets.part import together

CLEARLY = 40.0
READABLE = 4.5


def light(colour: str) -> list[float]:
    """Red, green and blue as amounts of light."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def lab(colour: str) -> tuple[float, float, float]:
    """CIELAB, in which distance is what an eye sees of it."""
    red, green, blue = light(colour)
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089
    fx, fy, fz = (part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def distance(one: str, other: str) -> float:
    return sum((a - b) ** 2 for a, b in zip(lab(one), lab(other), strict=True)) ** 0.5


def contrast(one: str, other: str) -> float:
    brighter, darker = sorted(
        (0.2126 * red + 0.7152 * green + 0.0722 * blue for red, green, blue in map(light, (one, other))), reverse=True
    )
    return (brighter + 0.05) / (darker + 0.05)


def test_neighbouring_terms_differ_clearly():
    turn = [fill for fill, _ in [*TERMS, TERMS[0]]]
    assert [pair for pair in pairwise(turn) if distance(*pair) < CLEARLY] == []


@pytest.mark.parametrize("fill,ink", [NO_TERM, *TERMS])
def test_a_term_can_be_read_on_its_colour(fill, ink):
    assert contrast(fill, ink) >= READABLE


def test_the_browser_takes_as_many_colours_in_turn():
    assert re.findall(r"\(term - 1\) % (\d+)", together("kit.js")) == [str(len(TERMS))]
