"""Collection rounds: which bins are worth the detour before the next opportunity, and in what order."""
