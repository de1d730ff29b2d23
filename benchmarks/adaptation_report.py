"""What the adaptation experiment came to: one table, three plots, one JSON file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from benchmarks.adaptation_rows import ROWS, ZEROSHOT
from eval.comparison import (
    RESAMPLES,
    Estimate,
    bootstrap,
    estimates,
    format_p,
    holm,
    interval,
    randomisation,
)
from eval.measures import DECIDING, average_name
from eval.plots import COLOURS, STYLE

SIMILARITY = average_name(5)
SHOWN = (DECIDING, "Recall@1", "Recall@10", "MRR", SIMILARITY)
SEED = 0


@dataclass(frozen=True)
class Gain:
    """A row's change in nDCG@10 over zero-shot, on the same queries.

    Attributes:
        value: mean difference.
        low, high: ends of its 95 % interval.
        p: of the paired randomisation test, by Holm corrected for all rows and ways.
    """

    value: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Line:
    """One row of the table.

    Attributes:
        row: its name.
        estimates: by way and measure.
        gains: by way; empty for zero-shot and where zero-shot was not run.
        forgetting: mean nDCG@10 by way on the shop that the base knows, over folds.
        chosen: settings and strength of each fold.
        folds: how many are in it.
    """

    row: str
    estimates: Mapping[str, Mapping[str, Estimate]]
    gains: Mapping[str, Gain]
    forgetting: Mapping[str, float]
    chosen: Sequence[Mapping[str, Any]]
    folds: int


def combine(units: Sequence[Mapping[str, Any]], folds: int) -> list[Line]:
    """Put the folds of each row together; rows that lack a fold are left out.

    Args:
        units: what `Experiment.unit` gave, in any order.
        folds: how many make a row.
    """
    by_row: dict[str, list[Mapping[str, Any]]] = {name: [] for name in ROWS}
    for unit in sorted(units, key=lambda unit: unit["fold"]):
        by_row[unit["row"]].append(unit)
    whole = {name: each for name, each in by_row.items() if len(each) == folds}
    scores = {name: _scores(each) for name, each in whole.items()}
    gains = _gains(scores)
    return [
        Line(
            name,
            {
                way: estimates({"": told}, resamples=RESAMPLES, seed=SEED)[""]
                for way, told in scores[name].items()
            },
            gains.get(name, {}),
            {
                way: float(np.mean([unit["forgetting"][way][DECIDING] for unit in each]))
                for way in each[0]["forgetting"]
            },
            [
                {key: unit["chosen"][key] for key in ("settings", "strength", "best_epoch")}
                for unit in each
                if unit["chosen"]
            ],
            folds,
        )
        for name, each in whole.items()
    ]


def _scores(units: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, np.ndarray]]:
    """By way and measure, all queries' scores, the folds one after the other."""
    ways = units[0]["scores"]
    return {
        way: {
            name: np.concatenate([unit["scores"][way][name] for unit in units])
            for name in ways[way]
        }
        for way in ways
    }


def _gains(scores: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, dict[str, Gain]]:
    if ZEROSHOT not in scores:
        return {}
    base = scores[ZEROSHOT]
    pairs = [(name, way) for name in scores if name != ZEROSHOT for way in base]
    if not pairs:
        return {}
    gaps = np.stack([scores[name][way][DECIDING] - base[way][DECIDING] for name, way in pairs], 1)
    lows, highs = interval(bootstrap(gaps, seed=SEED))
    corrected = holm(randomisation(gaps, seed=SEED).tolist())
    found: dict[str, dict[str, Gain]] = {}
    for at, (name, way) in enumerate(pairs):
        found.setdefault(name, {})[way] = Gain(
            float(gaps[:, at].mean()), float(lows[at]), float(highs[at]), corrected[at]
        )
    return found


def write(lines: Sequence[Line], out: Path) -> None:
    """Write results.json, table.md and the plots."""
    (out / "results.json").write_text(
        json.dumps([asdict(line) for line in lines], indent=1, ensure_ascii=False) + "\n",
        encoding="utf-8",
    )
    (out / "table.md").write_text(markdown(lines), encoding="utf-8")
    if lines:
        _plot_rows(lines, out / "rows.svg")
        _plot_scatter(
            lines, out / "similarity.svg", lambda line: _mean(line, SIMILARITY),
            f"mean {SIMILARITY}: what the reference reports",
        )  # fmt: skip
        if any(line.forgetting for line in lines):
            _plot_scatter(
                [line for line in lines if line.forgetting],
                out / "forgetting.svg",
                lambda line: float(np.mean(list(line.forgetting.values()))),
                f"mean {DECIDING} at home: what was forgotten",
            )


def markdown(lines: Sequence[Line]) -> str:
    """The table for `docs/`."""
    text = []
    for way in lines[0].estimates if lines else ():
        queries = lines[0].estimates[way][DECIDING].n
        text += [
            f"**{way}**, {queries:,} queries", "",
            f"| | {' | '.join(SHOWN)} | gain in {DECIDING} | p (Holm) | at home |",
            f"|---|{'---|' * (len(SHOWN) + 3)}",
        ]  # fmt: skip
        text += [f"| {' | '.join(_cells(line, way))} |" for line in lines] + [""]
    return "\n".join(text) + "\n"


def table(lines: Sequence[Line]) -> Table:
    """The same for the terminal, nDCG@10 only."""
    shown = Table("row", box=None, header_style="bold")
    for way in lines[0].estimates if lines else ():
        for column in (way, "gain", "p"):
            shown.add_column(column, justify="right")
    for line in lines:
        cells = []
        for way, told in line.estimates.items():
            gain = line.gains.get(way)
            cells += [
                f"{told[DECIDING].value:.4f}",
                f"{gain.value:+z.4f}" if gain else "",
                format_p(gain.p) if gain else "",
            ]
        shown.add_row(ROWS[line.row].title, *cells)
    return shown


def _cells(line: Line, way: str) -> list[str]:
    told, gain = line.estimates[way], line.gains.get(way)
    home = line.forgetting.get(way)
    return [
        ROWS[line.row].title,
        *(
            f"{told[name].value:.4f} ({told[name].low:.4f}–{told[name].high:.4f})"
            if name == DECIDING else f"{told[name].value:.4f}" for name in SHOWN
        ),
        f"{gain.value:+z.4f} ({gain.low:+z.4f} to {gain.high:+z.4f})" if gain else "",
        format_p(gain.p) if gain else "",
        "" if home is None else f"{home:.4f}",
    ]  # fmt: skip


def _mean(line: Line, measure: str) -> float:
    return float(np.mean([told[measure].value for told in line.estimates.values()]))


def _plot_rows(lines: Sequence[Line], file: Path) -> None:
    """nDCG@10 of each row with its interval, a panel a way."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    ways = list(lines[0].estimates)
    with mpl.rc_context(STYLE):
        figure = Figure((9.0, 1.2 + 0.4 * len(lines)))
        panels = figure.subplots(1, len(ways), sharey=True, squeeze=False)[0]
        for axes, way in zip(panels, ways, strict=True):
            for place, line in enumerate(lines):
                told, colour = line.estimates[way][DECIDING], COLOURS[place % len(COLOURS)]
                axes.plot([told.low, told.high], [place, place], color=colour, lw=2, alpha=0.55)
                axes.plot(told.value, place, "o", color=colour)
            axes.set_title(way)
            axes.set_xlabel(f"{DECIDING}, 95 % interval")
            axes.set_xlim(left=0)
            axes.grid(axis="x")
        panels[0].set_yticks(range(len(lines)), [ROWS[line.row].title for line in lines])
        panels[0].invert_yaxis()
        figure.tight_layout()
        figure.savefig(file, metadata={"Date": None})


def _plot_scatter(lines: Sequence[Line], file: Path, across: Any, label: str) -> None:  # noqa: ANN401
    """Mean nDCG@10 of each row over something else of it."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure((9.0, 3.6))
        axes = figure.subplots()
        for place, line in enumerate(lines):
            axes.plot(
                across(line), _mean(line, DECIDING), "o", ms=8,
                color=COLOURS[place % len(COLOURS)], label=ROWS[line.row].title,
            )  # fmt: skip
        axes.set_xlabel(label)
        axes.set_ylabel(f"mean {DECIDING} on unseen products")
        axes.set_ylim(bottom=0)
        axes.grid()
        axes.legend(bbox_to_anchor=(1.02, 1), loc="upper left", fontsize=8)
        figure.tight_layout()
        figure.savefig(file, metadata={"Date": None})
