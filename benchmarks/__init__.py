"""Speed and scale, measured side by side in one run: the machines are noisy, ratios hold."""
