"""Telling of alarms by e-mail: who is to be told, when a mail may leave, what it says, and handing it over."""
