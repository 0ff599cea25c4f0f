"""Load shifting: a building's schedule for the next 24 hours.

situation → day → optimise (formulation, solver) → check → explain, picture → decision.
"""
