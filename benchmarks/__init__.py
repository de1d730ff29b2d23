"""Measurements of speed and scale. Machines are noisy: compare figures of one run, in ratios."""
