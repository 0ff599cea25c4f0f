"""Back-fill: what a network server kept while nobody listened is fetched, and goes the way of every message."""
