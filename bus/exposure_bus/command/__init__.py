"""The ``exposure-bus`` command: finds each side's verbs, and turns what goes wrong into one line and an exit code."""

from exposure_bus.command.main import main

__all__ = ["main"]
