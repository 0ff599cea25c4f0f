"""Exports: readings and roll-ups as files, for a person to take or written each day by themselves."""
