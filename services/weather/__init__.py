"""Weather: a second door beside the broker's, through which forecasts of it come in and are kept as issued."""
