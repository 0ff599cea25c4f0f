"""From history to quantiles: features, boosters, their calibration, the naive yardstick, scores and backtests."""

import os

# LightGBM's threads spin while they wait for each other. Where anything else wants the cores that is a disaster:
# on two cores with two other programs at work, a fit of 1.8 s took 45 s. Set before the library is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
