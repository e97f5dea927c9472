"""Revisions, the oldest first by their names."""
