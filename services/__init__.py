"""From forecasts to decisions to people: the worker's jobs and the API."""
