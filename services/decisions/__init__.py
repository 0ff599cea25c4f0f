"""Decisions: one file or folder per kind, one line per kind in the registry."""
