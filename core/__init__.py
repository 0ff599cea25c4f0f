"""The ground floor: what every process shares. Imports nothing of ours."""
