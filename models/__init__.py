"""Vigie."""
