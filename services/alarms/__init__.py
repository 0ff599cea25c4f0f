"""Alarms: found on data time, lived on our time, told to whoever asked to hear of them."""
