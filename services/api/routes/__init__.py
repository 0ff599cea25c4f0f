"""The resources of the API, one module each: what an answer holds, then how it is read."""
