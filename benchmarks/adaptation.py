"""The experiment: does training on a shop's products help to find products it never saw?

    python -m benchmarks adaptation SHOP --base CHECKPOINT --forgetting OTHER --out FOLDER

The shop's products are cut into folds by group, so that shades with one photo or title stay
together. Each fold is the test part once; of the others a share is for validation, by which every
choice is made, and the rest is learnt from. Each product is asked once, each way, among all
products. What a fold and a row come to is a file of its own: stopped at any instant and run
again, the experiment goes on, and several processes may share the folds.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.console import Console

from benchmarks import adaptation_report as report
from benchmarks.adaptation_rows import ROWS, Row
from catalog.catalogue import Catalogue
from encoder.checkpoint import Checkpoint
from encoder.variant import Variant
from encoder.variants import Variants
from finetune.examples import Examples, members_of, read_examples
from finetune.sampling import shuffled
from finetune.settings import Settings
from finetune.split import Split, draw_split, rows_of
from ingest.images import images
from ingest.products import products

if TYPE_CHECKING:
    from finetune.model import Model
    from finetune.retrieval import Scores

SEED = 0
VALIDATION = 0.125  # of what is not the test part: a tenth of all, with five folds
TEMPLATE = "title_description"
messages = Console(stderr=True)


@dataclass(frozen=True)
class Shop:
    """A folder of products as a filled catalogue."""

    home: Path

    @classmethod
    def fill(cls, source: Path, home: Path, limit: int | None = None) -> "Shop":
        """Read a file of products and their pictures, once."""
        if not (home / "catalog.sqlite").exists():
            building = home.with_suffix(".new")
            shutil.rmtree(building, ignore_errors=True)
            products(building, source, limit=limit)
            images(building)
            building.rename(home)
        return cls(home)

    @cached_property
    def catalogue(self) -> Catalogue:
        """The catalogue, open."""
        return Catalogue(self.home, create=False)

    def examples(self, views: Sequence[str] = ("title",)) -> Examples:
        """Its products, with the texts to learn from."""
        return read_examples(self.catalogue, TEMPLATE, views)


def folds(examples: Examples, count: int) -> list[Split]:
    """Cut products into folds of like size by group, and hold a validation part out of the rest."""
    members = members_of(
        zip((example.id for example in examples.rows), examples.groups, strict=True)
    )
    tests: list[list[str]] = [[] for _ in range(count)]
    # Large groups first, so that small ones even the folds out.
    for group in sorted(shuffled(members, SEED, "folds"), key=lambda name: -len(members[name])):
        min(tests, key=len).extend(members[group])
    return [_fold(examples, set(test), number) for number, test in enumerate(tests)]


def _fold(examples: Examples, test: set[str], number: int) -> Split:
    kept = [row for row, example in enumerate(examples.rows) if example.id not in test]
    rest = Examples(
        [examples.rows[row] for row in kept], [examples.groups[row] for row in kept], {}
    )
    drawn = draw_split(rest, seed=SEED + number, validation=VALIDATION, test=0.0)
    return Split(drawn.train, drawn.validation, sorted(test))


class Experiment:
    """One shop, one base, all rows and folds.

    Args:
        shop: whose products are learnt and asked.
        other: a shop that the base knows: how much of it is forgotten.
        base: folder of the base checkpoint.
        out: where everything goes.
        count: folds.
        change: settings that every row has otherwise than it says, for trials.
    """

    def __init__(
        self,
        shop: Shop,
        other: Shop | None,
        base: Path,
        out: Path,
        count: int,
        change: Mapping[str, Any],
    ) -> None:
        self.shop, self.other, self.out, self.change = shop, other, out, change
        self.checkpoint = Checkpoint.find(str(base))
        self.examples = shop.examples()
        self.folds = folds(self.examples, count)
        self._check()

    def _check(self) -> None:
        """Make sure that what lies in the folder already belongs to this experiment."""
        identity = {
            "base": self.checkpoint.revision,
            "data": self.examples.fingerprint,
            "folds": len(self.folds),
            "change": dict(self.change),
        }
        file = self.out / "experiment.json"
        if not file.exists():
            _write(file, identity)
        if json.loads(file.read_text(encoding="utf-8")) != identity:
            raise typer.BadParameter(
                f"{self.out} holds another experiment (other products, base, folds or trial "
                "settings): name another folder."
            )

    def unit(self, fold: int, row: Row) -> dict[str, Any]:
        """What a row comes to on a fold; worked out where it was not yet."""
        file = self.out / "units" / f"{fold}-{row.name}.json"
        if not file.exists():
            messages.print(f"fold {fold + 1} of {len(self.folds)}: {row.title}")
            with tempfile.TemporaryDirectory() as scratch:
                _write(file, self._unit(fold, row, Path(scratch)))
        return json.loads(file.read_text(encoding="utf-8"))

    def _unit(self, fold: int, row: Row, scratch: Path) -> dict[str, Any]:
        tried = [self._candidate(fold, row, at) for at in range(len(row.candidates))]
        here, base = Variants(scratch), self.checkpoint.base
        if not tried:
            variant, chosen = here.add("base", base, template=TEMPLATE), {}
        else:
            chosen = max(tried, key=lambda each: each["validation"]["nDCG@10"])
            folder = self.out / "models" / chosen["model"]
            if chosen["settings"]["method"] == "full":
                variant = here.add("tuned", folder, template=TEMPLATE)
            else:
                variant = here.add(
                    "tuned",
                    base,
                    adapter=folder,
                    adapter_weight=chosen["strength"],
                    template=TEMPLATE,
                )
        test = self.folds[fold].test
        asked = self._ask(variant, self.shop, self.examples, test)
        forgotten = {}
        if self.other:
            known = self.other.examples()
            forgotten = self._ask(variant, self.other, known, [each.id for each in known.rows])
        return {
            "row": row.name,
            "fold": fold,
            "products": list(test),
            "scores": asked,
            "forgetting": {
                way: {name: float(np.mean(values)) for name, values in told.items()}
                for way, told in forgotten.items()
            },
            "chosen": chosen,
            "tried": tried,
        }

    def _ask(
        self,
        variant: Variant,
        shop: Shop,
        examples: Examples,
        ids: Sequence[str],
    ) -> dict[str, dict[str, list[float]]]:
        """Scores of each product's queries by way and measure, through the encoder of searches."""
        from encoder.encoder import Encoder
        from finetune.retrieval import embed, score_directions

        encoder = Encoder.load(variant, precision="float32")
        gallery, queries = range(len(examples)), rows_of(examples, ids)
        vectors = embed(encoder, examples, shop.catalogue.pictures, gallery, queries)
        return _plain(score_directions(vectors, examples, gallery, queries))

    def _candidate(self, fold: int, row: Row, at: int) -> dict[str, Any]:
        """Train one candidate on a fold, and judge it by validation at each strength."""
        name = f"{fold}-{row.name}-{at}"
        file = self.out / "units" / f"{name}.candidate.json"
        if not file.exists():
            settings = replace(row.candidates[at], **self.change)
            _write(file, self._train(fold, row, settings, name))
            shutil.rmtree(self.out / "runs" / name, ignore_errors=True)
        return json.loads(file.read_text(encoding="utf-8"))

    def _train(self, fold: int, row: Row, settings: Settings, name: str) -> dict[str, Any]:
        from finetune.checkpoint import write_checkpoint
        from finetune.job import fit
        from finetune.progress import progress_bar
        from finetune.snapshot import Snapshots

        examples, split = self.shop.examples(settings.views), self.folds[fold]
        with progress_bar(name) as report:
            model, trained = fit(
                self.checkpoint,
                examples,
                split,
                self.shop.catalogue.pictures,
                settings,
                snapshots=Snapshots(self.out / "runs" / name),
                report=report,
            )
        folder = self.out / "models" / name
        shutil.rmtree(folder, ignore_errors=True)
        best, strength = self._strength(model, examples, split, row)
        if settings.method == "full":
            write_checkpoint(model.clip, self.checkpoint, folder, model.interpolated(strength))
        else:
            model.save_adapter(folder)
        return {
            "model": name,
            "settings": settings.facts(),
            "validation": best,
            "strength": strength,
            "epochs": len(trained.state.epochs),
            "best_epoch": trained.state.best_epoch,
            "seconds": trained.state.seconds,
            "samples_per_second": trained.samples_per_second,
            "curve": trained.state.epochs,
            "losses": trained.state.losses,
            "base": trained.state.base,
        }

    def _strength(
        self, model: "Model", examples: Examples, split: Split, row: Row
    ) -> tuple[dict[str, float], float]:
        """The validation figures at the best strength, and that strength."""
        from finetune.retrieval import embed, encoder_of, means, score_directions

        gallery, queries = range(len(examples)), rows_of(examples, split.validation)
        whole, told = model.tensors(), {}
        for strength in row.strengths:
            model.restore(model.interpolated(strength))
            model.clip.eval()
            pictures = self.shop.catalogue.pictures
            vectors = embed(encoder_of(model, 16), examples, pictures, gallery, queries)
            told[strength] = means(score_directions(vectors, examples, gallery, queries))
            model.restore(whole)
        best = max(told, key=lambda strength: told[strength]["nDCG@10"])
        return told[best], best


def _plain(scores: "Mapping[str, Scores]") -> dict[str, dict[str, list[float]]]:
    return {
        way: {name: np.round(values, 6).tolist() for name, values in told.items()}
        for way, told in scores.items()
    }


def _write(file: Path, value: Mapping[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".new")
    unfinished.write_text(json.dumps(value), encoding="utf-8")
    unfinished.replace(file)


def held_out(source: Path, checkpoint: Path, file: Path) -> Path:
    """The products of a file that a checkpoint never saw, by the list that lies beside it."""
    listed = checkpoint / "held_out_ids.json"
    if not listed.is_file():
        return source
    unseen = set(json.loads(listed.read_text(encoding="utf-8")))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(_located(source, unseen)), encoding="utf-8")
    return file


def _located(source: Path, ids: set[str]) -> Iterator[str]:
    """Lines of a file whose pictures are found from anywhere."""
    for line in source.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["id"] in ids:
            row["image"] = str((source.parent / row["image"]).resolve())
            yield json.dumps(row) + "\n"


def command(
    source: Annotated[Path, typer.Argument(help="The shop's file of products.")],
    out: Annotated[Path, typer.Option(help="Where results go, and half-done ones are kept.")],
    base: Annotated[Path, typer.Option(help="Folder of the checkpoint to adapt.")],
    forgetting: Annotated[
        Path | None, typer.Option(help="A file of products that the base knows.")
    ] = None,
    row: Annotated[
        list[str] | None, typer.Option(help=f"Of {', '.join(ROWS)}; repeatable; all if none.")
    ] = None,
    fold: Annotated[list[int] | None, typer.Option(help="From 1; repeatable; all if none.")] = None,
    folds: Annotated[int, typer.Option(min=2, help="How many there are.")] = 5,
    limit: Annotated[int | None, typer.Option(help="Only the first products, for trials.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Of every row, for trials.")] = None,
    batch: Annotated[int | None, typer.Option(help="Of every row, for trials.")] = None,
) -> None:
    """Adaptation to a shop: rows by folds, a table and plots once all are there."""
    for name in row or ():
        if name not in ROWS:
            raise typer.BadParameter(f"the rows are {', '.join(ROWS)}, not {name!r}")
    known = None
    if forgetting:
        unseen = held_out(forgetting, base, out / "forgetting.jsonl")
        known = Shop.fill(unseen, out / "forgetting", limit)
    change = {"epochs": epochs, "batch": batch}
    experiment = Experiment(
        Shop.fill(source, out / "shop", limit),
        known,
        base,
        out,
        folds,
        {name: value for name, value in change.items() if value},
    )
    for number in fold or range(1, folds + 1):
        for name in row or ROWS:
            experiment.unit(number - 1, ROWS[name])
    units = [
        json.loads(file.read_text(encoding="utf-8"))
        for file in sorted((out / "units").glob("*.json"))
        if ".candidate" not in file.name
    ]
    results = report.combine(units, folds)
    report.write(results, out)
    Console().print(report.table(results))
