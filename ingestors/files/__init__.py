"""Import: files that a person gives, tables of readings or uplinks as their servers export them, go the one way in."""
