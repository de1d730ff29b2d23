"""The demonstration on a shop's own vectors, and a short page that tells it."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from catalog.catalogue import Catalogue
from encoder.encoder import Encoder
from encoder.variants import Variants
from eval import plots
from eval.demonstration import Trial, trials
from eval.errors import EvalError, NothingToMeasure
from eval.gallery import load_gallery
from eval.gallery_store import GalleryStore
from eval.judgement import judge, refuse_leaks
from eval.queries import QuerySet
from eval.report import as_image, render, replace_folder, write_json
from eval.retrieval import Manner, QueryPictures, retrieve


@dataclass(frozen=True)
class Demonstration:
    """What was shown.

    Attributes:
        variant: the model's name.
        vector: which vectors of the products were searched.
        k: of AvgMeanSimilarity@k.
        products: how many were searched.
        left_out: queries without a right answer to find, or without their picture.
        trials: the model as it is first, the collapsed one last.
    """

    variant: str
    vector: str
    k: int
    products: int
    left_out: int
    trials: list[Trial]


def demonstrate(
    home: Path,
    name: str,
    queries: QuerySet,
    vector: str,
    k: int,
    tell: Callable[[str], None] = lambda _: None,
) -> Demonstration:
    """Run the demonstration on a variant's vectors, by exact search.

    Args:
        home: the shop's folder.
        name: the variant.
        queries: labelled queries; all are scored against one vector.
        vector: asked for by hand; empty takes the first query's own, or `fused`.
        k: of AvgMeanSimilarity@k.
        tell: takes a sentence on what is being done.

    Raises:
        EvalError, EncoderError, CatalogError, StoreError: as an evaluation.
    """
    refuse_leaks(queries, vector)
    own = {query.vector for query in queries} - {""}
    if len(own) > 1:
        raise EvalError(
            f"The queries of {queries.name} are scored against {' and '.join(sorted(own))}; "
            "the demonstration takes queries of one kind."
        )
    chosen = vector or next(iter(own), Manner.vector)
    manner = Manner(vector=chosen)
    variant = Variants(home).get(name)
    with Catalogue(home, create=False) as catalogue:
        gallery = load_gallery(home, catalogue, variant)
    store = GalleryStore(variant, gallery)
    judgement = judge(queries, {name: store}, manner)  # type: ignore[dict-item]
    tell(f"{name}: asking {len(judgement.qrels):,} queries")
    answers = retrieve(
        variant,
        store,  # type: ignore[arg-type]
        Encoder.load(variant),
        [query for query in queries if query.id in judgement.qrels],
        manner,
        QueryPictures(),
    )
    asked = list(answers.vectors)
    if not asked:
        raise NothingToMeasure(
            "Of no query could the picture be had; "
            f"the first: {next(iter(answers.failed.values()))}"
        )
    rows = gallery.rows[chosen]
    tell("ranking with ever greater constants")
    found = trials(
        np.stack([answers.vectors[query] for query in asked]),
        asked,
        gallery.vectors[chosen],
        [gallery.ids[row] for row in rows],
        {query: judgement.qrels[query] for query in asked},
        k=k,
    )
    return Demonstration(name, chosen, k, len(rows), len(queries) - len(asked), found)


def write(home: Path, name: str, shown: Demonstration) -> Path:
    """Write the page and its numbers; returns the report's folder."""
    told = {
        "shown": shown,
        "first": shown.trials[0],
        "strongest": shown.trials[-2],
        "collapsed": shown.trials[-1],
        "created": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "plot": as_image(
            plots.collapse_plot(
                ["as it is", *(trial.name for trial in shown.trials[1:-1]), "collapsed"],
                [trial.similarity for trial in shown.trials],
                [trial.ndcg for trial in shown.trials],
                shown.k,
            ),
            "AvgMeanSimilarity climbs while nDCG stays where it is",
        ),
    }

    def fill(folder: Path) -> None:
        write_json(folder / "results.json", asdict(shown))
        (folder / "report.md").write_text(render("demonstration.md.j2", told), encoding="utf-8")
        (folder / "report.html").write_text(render("demonstration.html.j2", told), encoding="utf-8")

    return replace_folder(home / "reports" / name, fill)
