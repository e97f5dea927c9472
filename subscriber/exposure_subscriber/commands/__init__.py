"""Verbs of the QLF side."""
