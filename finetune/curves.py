"""The curves of a run as a picture: training loss, and validation measures."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from eval.measures import DECIDING
from finetune.retrieval import PROGRESS_MEASURES
from finetune.snapshot import State

FILE = "curves.png"
# From Okabe and Ito's palette, which colour-blind people can distinguish.
LOSS, COLOURS = "#6B7280", ("#56B4E9", "#0072B2")
SIZE = (9.0, 3.4)  # inches
STYLE: Any = {
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E5E7EB",
    "legend.frameon": False,
}


def draw_curves(state: State, file: Path) -> None:
    """Write a PNG of a run with at least one epoch."""
    with mpl.rc_context(STYLE):
        figure = Figure(SIZE, dpi=144)
        left, right = figure.subplots(1, 2)
        if state.losses:
            left.plot(*list(zip(*state.losses, strict=True))[:2], color=LOSS)
        left.set(title="training loss", xlabel="step")
        steps = [0, *(int(row["step"]) for row in state.epochs)]
        for name, colour in zip(PROGRESS_MEASURES, COLOURS, strict=True):
            values = [state.base[name], *(row[name] for row in state.epochs)]
            right.plot(steps, values, "o-", color=colour, markersize=3, label=name)
            right.axhline(state.base[name], color=colour, linestyle=":", linewidth=1)
        best = steps[state.best_epoch]
        right.plot(best, state.best[DECIDING], "*", color=COLOURS[1], markersize=13)
        right.set(title="validation (★ kept, dotted: base)", xlabel="step")
        right.set_ylim(bottom=0)
        right.legend()
        figure.tight_layout()
        figure.savefig(file)
