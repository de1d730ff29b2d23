"""Plots of a report, as self-contained SVG documents."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eval.comparison import Estimate
from eval.diagnostics import ScoreSamples
from eval.measures import MEASURES

# Okabe and Ito's colours, which colour-blind people can distinguish.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
RELEVANT, OTHER, STRONGEST, QUIET = "#009E73", "#9AA3AD", "#D55E00", "#6B7280"
WIDTH = 9.0  # inches; the report's column
BINS = 60
MARGIN = 1.15  # the axis beyond the longest bar, for its number

STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#C4C9D0",
    "axes.labelcolor": "#374151",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "xtick.color": "#4B5563",
    "ytick.color": "#374151",
    "grid.color": "#E5E7EB",
    "legend.frameon": False,
    "svg.hashsalt": "vitrine",  # the same figures give the same file
}


def measures_plot(
    variants: Mapping[str, Mapping[str, Estimate]], baseline: Mapping[str, float]
) -> str:
    """Each measure of each variant with its interval, and a line at the random baseline."""
    with mpl.rc_context(STYLE):
        figure = Figure((WIDTH, 0.9 + len(MEASURES) * (0.28 + 0.17 * len(variants))))
        axes = figure.subplots()
        rows = np.arange(len(MEASURES))
        axes.vlines(
            [baseline[measure] for measure in MEASURES], rows - 0.4, rows + 0.4,
            color=QUIET, lw=1.2, ls=":",
        )  # fmt: skip
        step = 0.7 / max(len(variants), 1)
        longest = 0.0
        for number, (name, estimates) in enumerate(variants.items()):
            values = np.array([estimates[measure].value for measure in MEASURES])
            lows = np.array([estimates[measure].low for measure in MEASURES])
            highs = np.array([estimates[measure].high for measure in MEASURES])
            heights = rows + (number - (len(variants) - 1) / 2) * step
            colour = COLOURS[number % len(COLOURS)]
            axes.hlines(heights, lows, highs, color=colour, lw=2, alpha=0.55)
            axes.plot(values, heights, "o", color=colour, ms=5, label=name)
            ends = np.fmax(highs, values)
            longest = max(longest, ends.max())
            for value, end, height in zip(values, ends, heights, strict=True):
                axes.annotate(
                    f"{value:.3f}", (end, height), xytext=(6, 0), textcoords="offset points",
                    va="center", fontsize=8, color=QUIET,
                )  # fmt: skip
        axes.set_yticks(rows, MEASURES)
        axes.set_ylim(len(MEASURES) - 0.5, -0.5)
        axes.set_xlim(0, min(1.02, MARGIN * longest) or 1.02)  # a marker at 1 is not clipped
        axes.grid(axis="x")
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("mean over queries · bar: 95 % interval · dotted: random baseline")
        if len(variants) > 1:
            figure.legend(loc="upper left", ncols=len(variants), fontsize=9)
        return _svg(figure, top=0.35 if len(variants) > 1 else 0.1)


def differences_plot(pairs: Mapping[tuple[str, str], np.ndarray], measure: str) -> str:
    """Per-query differences of each pair, from the greatest gain to the greatest loss."""
    with mpl.rc_context(STYLE):
        figure = Figure((WIDTH, 0.5 + 2.0 * len(pairs)))
        panels = np.atleast_1d(figure.subplots(len(pairs), 1))
        for axes, ((first, second), values) in zip(panels, pairs.items(), strict=True):
            ordered = np.sort(values)[::-1]
            positions = np.arange(len(ordered))
            for part, colour in ((ordered.clip(min=0), RELEVANT), (ordered.clip(max=0), STRONGEST)):
                axes.fill_between(positions, 0, part, step="mid", color=colour, alpha=0.75, lw=0)
            axes.axhline(0, color=QUIET, lw=0.8)
            axes.axhline(values.mean(), color="#111827", lw=1.2, ls="--")
            better, worse = int((values > 0).sum()), int((values < 0).sum())
            axes.set_title(
                f"{second} against {first}: {better:,} queries better, {worse:,} worse, "
                f"{len(values) - better - worse:,} equal",
                fontsize=10,
            )
            axes.set_ylim(-1.05, 1.05)
            axes.set_xlim(-0.5, max(len(values) - 0.5, 0.5))
            axes.set_ylabel(f"Δ {measure}")
            axes.grid(axis="y")
        panels[-1].set_xlabel("queries, the greatest gain first; dashed: the mean")
        return _svg(figure)


def scores_plot(scores: Mapping[str, ScoreSamples]) -> str:
    """Scores of relevant, random other and best-ranked irrelevant products, by variant."""
    with mpl.rc_context(STYLE):
        figure = Figure((WIDTH, 0.8 + 1.9 * len(scores)))
        panels = np.atleast_1d(figure.subplots(len(scores), 1, sharex=True))
        every = np.concatenate(
            [
                part
                for each in scores.values()
                for part in (each.relevant, each.others, each.strongest)
            ]
        )
        low, high = (every.min(), every.max()) if len(every) else (0.0, 1.0)
        edges = np.linspace(low, high if high > low else low + 1e-3, BINS + 1)
        for axes, (name, each) in zip(panels, scores.items(), strict=True):
            _histogram(axes, each.others, edges, OTHER, "random other products")
            _histogram(axes, each.strongest, edges, STRONGEST, "best-ranked irrelevant product")
            _histogram(axes, each.relevant, edges, RELEVANT, "relevant products")
            axes.set_title(
                f"{name}: a relevant product outscores a random other "
                f"{100 * each.auc:.1f} % of the time",
                fontsize=10,
            )
            axes.set_yticks([])
            axes.spines["left"].set_visible(False)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="upper left", ncols=3, fontsize=9)
        panels[-1].set_xlabel("score (cosine)")
        return _svg(figure, top=0.35)


def _histogram(axes: Axes, values: np.ndarray, edges: np.ndarray, colour: str, label: str) -> None:
    if len(values):
        shares = np.full(len(values), 1 / len(values))  # so that unequal numbers can be compared
        bins = edges.tolist()
        axes.hist(values, bins, weights=shares, color=colour, alpha=0.3, lw=0)
        axes.hist(values, bins, weights=shares, color=colour, histtype="step", lw=1.4, label=label)


def reliability_plot(bins: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """The share of queries that fit against the stated chance, of each match."""
    with mpl.rc_context(STYLE):
        figure = Figure((WIDTH / 2, WIDTH / 2))
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=QUIET, lw=1, ls=":")
        for number, (name, each) in enumerate(bins.items()):
            axes.plot(
                [one["stated"] for one in each], [one["observed"] for one in each], "o-",
                color=COLOURS[number % len(COLOURS)], ms=5, lw=1.5, label=name,
            )  # fmt: skip
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.grid()
        axes.set_axisbelow(True)
        axes.set_xlabel("stated chance")
        axes.set_ylabel("share of the queries that fit")
        axes.legend(loc="upper left", fontsize=9)
        return _svg(figure)


def _svg(figure: Figure, top: float = 0.0) -> str:
    inches = figure.get_figheight()
    figure.tight_layout(rect=(0, 0, 1, 1 - top / inches))
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()
