"""The monitor's verbs of ``exposure-bus``."""
