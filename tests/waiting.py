"""Waiting for a condition, with a deadline: what tests do instead of sleeping."""

import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def wait_until(condition: Callable[[], Result], what: str, *, seconds: float = 30.0) -> Result:
    """Return what a condition returns, as soon as that is true; fail the test if it never is.

    Args:
        condition: Called again and again.
        what: What is waited for, for the failure's text.
        seconds: The deadline.
    """
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {seconds:g} s; last seen: {result!r}")
        time.sleep(0.01)
    return result
