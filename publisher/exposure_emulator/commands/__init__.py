"""Verbs of the emulator."""
