"""Webhooks: what happened, told to programs elsewhere over HTTPS, signed, until they have heard it."""
