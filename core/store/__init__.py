"""The one door to the database: the only code that speaks SQL. Every function takes a connection."""
