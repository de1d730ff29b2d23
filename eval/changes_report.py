"""Writes the report of changes between two runs: `report.html` and `results.json`."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from catalog.catalogue import Entry
from eval.changes import Change, Changes, as_object
from eval.examples import Card, stored_picture
from eval.measures import DECIDING
from eval.report import render, replace_folder
from pictures.store import PictureStore
from vitrine.command import finite


def write_changes_report(
    home: Path, name: str, changes: Changes, products: Mapping[str, Entry], examples: int
) -> Path:
    """Write a report; one of the same name is replaced once the new one is complete.

    Args:
        home: the installation's folder.
        name: of the report.
        changes: between two runs.
        products: those that are shown, by id.
        examples: queries shown that gained most, and that lost most.

    Returns:
        Its folder.

    Raises:
        EvalError: it cannot be written.
    """
    created = datetime.now(UTC)
    pictures = PictureStore(home / "images")

    def rows(change: Change) -> dict[str, tuple[float, list[Card]]]:
        values = (change.before, change.after)
        sides = (change.first, change.second)
        return {
            run: (value, [_card(product, change, products, pictures) for product in side])
            for run, value, side in zip(changes.names, values, sides, strict=True)
        }

    def fill(folder: Path) -> None:
        results = {"name": name, "created": f"{created:%Y-%m-%dT%H:%M:%SZ}", **as_object(changes)}
        (folder / "results.json").write_text(
            json.dumps(finite(results), ensure_ascii=False, indent=1), encoding="utf-8"
        )
        page = render(
            "changes.html.j2",
            name=name,
            created=f"{created:%Y-%m-%d %H:%M} UTC",
            changes=changes,
            deciding=DECIDING,
            examples={
                "Lost most": [(each, rows(each)) for each in changes.worse[:examples]],
                "Gained most": [(each, rows(each)) for each in changes.better[:examples]],
            },
        )
        (folder / "report.html").write_text(page, encoding="utf-8")

    return replace_folder(home, name, fill)


def _card(
    product: str, change: Change, products: Mapping[str, Entry], pictures: PictureStore
) -> Card:
    entry = products.get(product)
    return Card(
        title=entry.product.title if entry else product,
        picture=stored_picture(pictures, entry.picture or "") if entry else "",
        relevant=change.relevant.get(product, 0) > 0,
    )
