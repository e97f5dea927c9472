"""Sizes and speeds as people write them."""

import math

import click
import pytest

from exposure_emulator.quantities import size_in_bytes, speed_factor


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("300000", 300_000),
        ("300kB", 300_000),
        ("2MB", 2_000_000),
        ("1.4 GB", 1_400_000_000),
        ("700MiB", 700 * 2**20),
        ("5k", 5000),
    ],
)
def test_a_size_is_read_with_its_unit(text: str, size: int) -> None:
    assert size_in_bytes(text) == size


@pytest.mark.parametrize("text", ["", "big", "-1MB", "0", "99GB", "1TB", "1e9"])
def test_what_is_no_size_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"write 300kB, 2MB or 1\.4GB"):
        size_in_bytes(text)


@pytest.mark.parametrize(("text", "speed"), [("1", 1.0), ("0.5", 0.5), ("max", math.inf), ("MAX", math.inf)])
def test_a_speed_is_a_factor_or_max(text: str, speed: float) -> None:
    assert speed_factor(text) == speed


@pytest.mark.parametrize("text", ["", "fast", "0", "-2", "nan"])
def test_what_is_no_speed_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="above 0, or max"):
        speed_factor(text)
