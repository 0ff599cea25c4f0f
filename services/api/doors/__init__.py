"""The door: who is let in, what they may do, and how they come and go."""
