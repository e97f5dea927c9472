"""Verbs for everyone."""
