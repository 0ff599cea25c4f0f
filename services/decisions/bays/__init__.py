"""Delivery bays: what to say of each for the next hour, and the one whose rule deserves a look."""
