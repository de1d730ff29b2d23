"""The curves of a run as a picture: loss, and how held-out products were found."""

from pathlib import Path
from typing import Any

from eval.measures import DECIDING
from finetune.retrieval import PROGRESS_MEASURES
from finetune.snapshot import State

FILE = "curves.png"
# Okabe and Ito's, told apart by colour-blind people too.
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
    """Draw a run's curves over its steps.

    Args:
        state: of the run, with at least one epoch.
        file: where the PNG goes.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(SIZE, dpi=144)
        left, right = figure.subplots(1, 2)
        left.plot([step for step, _, _ in state.losses], [loss for _, loss, _ in state.losses],
                  color=LOSS)  # fmt: skip
        left.set(title="training loss", xlabel="step")
        steps = [0, *(int(row["step"]) for row in state.epochs)]
        for name, colour in zip(PROGRESS_MEASURES, COLOURS, strict=True):
            values = [state.base[name], *(row[name] for row in state.epochs)]
            right.plot(steps, values, "o-", color=colour, markersize=3, label=name)
            right.axhline(state.base[name], color=colour, linestyle=":", linewidth=1)
        chosen = steps[state.best_epoch]
        right.plot(chosen, state.best[DECIDING], "*", color=COLOURS[1], markersize=13)
        right.set(title="validation: ★ kept, dotted the base", xlabel="step")
        right.set_ylim(bottom=0)
        right.legend()
        figure.tight_layout()
        figure.savefig(file)
