"""What the benchmark of searching tells: Markdown tables, and recall against latency."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.search_data import FILTERS
from benchmarks.search_engines import FLAT, FLOAT, HNSW, INT8, SERVER, has_graph
from eval.plots import COLOURS, STYLE

# Colour, mark and stroke: Qdrant filled, FAISS hollow; what is kept by category is dashed.
LOOKS: dict[str, tuple[str, str, str]] = {
    INT8: (COLOURS[0], "o", "-"),
    FLOAT: (COLOURS[5], "o", "-"),
    SERVER: (COLOURS[3], "o", "-"),
    FLAT: (COLOURS[2], "s", "-"),
    f"{FLAT}, by category": (COLOURS[2], "D", "--"),
    HNSW: (COLOURS[1], "^", "-"),
    f"{HNSW}, by category": (COLOURS[4], "v", "--"),
}

Told = dict[str, Any]


def tables(scale: Told) -> str:
    """Everything measured at one size, as Markdown."""
    head = (
        f"## {scale['n']:,} products\n\n{scale['dim']} dimensions, {scale['queries']:,} queries, "
        f"{scale['cores']} cores."
    )
    return "\n\n".join([head, _taken(scale), _rates(scale), _searched(scale), _efforts(scale)])


def draw(scale: Told, path: Path) -> None:
    """Recall against the median time of a query, a panel for each filter."""
    with mpl.rc_context(STYLE):
        figure = Figure((11, 6.4))
        panels = figure.subplots(2, 3, sharex=True, sharey=True).ravel()
        for axes, name in zip(panels, FILTERS, strict=False):
            for engine, (colour, mark, stroke) in LOOKS.items():
                found = _of(scale, filter=name, engine=engine)
                if found:
                    axes.plot(
                        [each["p50_ms"] for each in found],
                        [each["recall"] for each in found],
                        mark + stroke,
                        color=colour,
                        markerfacecolor=colour if engine.startswith("Qdrant") else "white",
                        ms=5,
                        lw=1.3,
                        label=engine,
                    )
            axes.set_title("no filter" if name == "none" else name, fontsize=10)
            axes.set_xscale("log")
            axes.set_ylim(-0.03, 1.04)
            axes.grid(visible=True)
            axes.set_axisbelow(True)
        for axes in panels[3:]:
            axes.set_xlabel("median time of a query, milliseconds")
        for axes in (panels[0], panels[3]):
            axes.set_ylabel("recall@10")
        panels[2].xaxis.set_tick_params(labelbottom=True)
        panels[2].set_xlabel("median time of a query, milliseconds")
        panels[-1].axis("off")
        marks: dict[str, Any] = {}
        for axes in panels:
            marks |= {each.get_label(): each for each in axes.get_lines()}
        panels[-1].legend(
            [marks[name] for name in LOOKS if name in marks],
            [name for name in LOOKS if name in marks],
            loc="center",
            title=f"{scale['n']:,} products",
        )
        figure.tight_layout()
        figure.savefig(path, dpi=130)


def _taken(scale: Told) -> str:
    return _table(
        ("engine", "build, s", "disk, MB", "own memory, MB", "mapped files, MB"),
        (
            (
                engine,
                f"{told['seconds']:.1f}",
                _whole(told["disk_mb"]),
                *(
                    ["–"] * 2
                    if engine == SERVER
                    else map(_whole, (told["own_mb"], told["mapped_mb"]))
                ),
            )
            for engine, told in scale["built"].items()
        ),
    )


def _rates(scale: Told) -> str:
    return _table(
        (
            "queries per second",
            "filter",
            "one after the other",
            f"{scale['cores']} processes",
            "all in one call",
        ),
        (
            (
                rate["engine"],
                rate["filter"],
                *(f"{rate[way]:,.0f}" for way in ("in_turn", "by_all_cores", "at_once")),
            )
            for rate in sorted(scale["rates"], key=lambda each: list(FILTERS).index(each["filter"]))
        ),
    )


def _searched(scale: Told) -> str:
    rows = []
    for name in FILTERS:
        found = _of(scale, filter=name, usual=True)
        flat = next(each["p50_ms"] for each in found if each["engine"] == FLAT)
        rows += [
            (
                name,
                each["engine"],
                f"{each['ef']}" if each["ef"] else "–",
                f"{each['p50_ms']:.2f}",
                f"{each['p95_ms']:.2f}",
                f"{each['recall']:.3f}",
                f"{flat / each['p50_ms']:.3g} ×",
            )
            for each in found
        ]
    columns = (
        "filter",
        "engine",
        "ef",
        "p50, ms",
        "p95, ms",
        "recall@10",
        "faster than FAISS flat",
    )
    return _table(columns, rows)


def _efforts(scale: Told) -> str:
    efforts = sorted({each["ef"] for each in scale["searched"]} - {0})
    rows = []
    for engine in scale["built"]:
        found = {each["ef"]: each for each in _of(scale, filter="none", engine=engine)}
        if has_graph(engine) and found:
            cells = (f"{found[ef]['recall']:.3f} in {found[ef]['p50_ms']:.2f}" for ef in efforts)
            rows.append((engine, *cells))
    return _table(("no filter: recall@10 in ms", *(f"ef {ef}" for ef in efforts)), rows)


def _of(scale: Told, **wanted: Any) -> list[Told]:  # noqa: ANN401 (values of any kind)
    return [
        each
        for each in scale["searched"]
        if all(each[name] == value for name, value in wanted.items())
    ]


def _whole(megabytes: float | None) -> str:
    return "–" if megabytes is None else f"{megabytes:,.0f}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    words = {"engine", "filter", "queries per second", "no filter: recall@10 in ms"}
    line = "|".join("---" if column in words else "---:" for column in columns)
    body = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([f"| {' | '.join(columns)} |", f"|{line}|", *body])
