"""Verbs of the ICS side."""
