"""Ventilation needs: when each room of a site needs air in the next six hours, and how little of it is enough.

The rule in words: the CO2 breathed out in each quarter-hour is inferred from the room's own past (mass balance) and
forecast by its 90 % quantile; of the fan levels and airings that the room has, those are proposed that keep CO2
under the room's limit while people are in it, with as little heat, fan power and disturbance as possible, and in
the hours when outdoor air is fit.

Hard limits: never under the usual flow while the site is open, never a level that the fan has not, an airing lasts
ten minutes. Nothing is proposed for a room without any history.
"""
