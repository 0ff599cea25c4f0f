"""A seeded small town: sensors whose readings follow physics, timetables and habits, always labelled simulated."""
