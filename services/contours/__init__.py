"""Contours of communes: taken in, asked for, or drawn from the communes' points; small enough for maps."""
