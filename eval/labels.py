"""Zero-shot labels: which label of a list is nearest to a product's picture.

The reference system does this with finishes such as `matte` and `glossy`. The labels are put
into a prompt and embedded; the label whose vector is nearest to the picture's is the prediction.
Where products have the label among their facts, the predictions are compared with it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL.Image import Image

from catalog.catalogue import Catalogue
from encoder.variant import Variant
from eval import EvalError
from eval.comparison import Estimate, estimate
from eval.fields import refuse_unknown, value
from eval.groups import group_of
from eval.intervals import RESAMPLES
from eval.retrieval import QueryPictures
from pictures.errors import PictureError
from pictures.sources import is_local
from qdrant.store import Store
from search.fingerprint import check_fingerprint

if TYPE_CHECKING:
    from encoder.encoder import Encoder  # imports torch

DEFAULT_PROMPT = "{label}"
# Without --label a field's own values are the labels; a field of more is no list of labels.
MOST_LABELS = 100


@dataclass(frozen=True)
class LabelResult:
    """One label: its products, how many were labelled correctly, the most frequent wrong label."""

    products: int
    correct: int
    taken_for: str


@dataclass(frozen=True)
class LabelResults:
    """The accuracy of labels predicted from pictures.

    Attributes:
        labels: what could be predicted.
        products: how many products were labelled.
        accuracy: share that was labelled correctly, with its interval over product groups.
        balanced: balanced accuracy: mean of each label's share, so that a frequent label counts
            once.
        majority: accuracy of always predicting the most frequent label.
        by_label: the result of each label.
        without_picture: products with a label and no embedded picture.
        other: products whose value is none of the labels.
    """

    labels: tuple[str, ...]
    products: int
    accuracy: Estimate
    balanced: float
    majority: float
    by_label: Mapping[str, LabelResult]
    without_picture: int
    other: int

    def as_object(self) -> dict[str, Any]:
        """The object that `eval classify --json` prints."""
        return {
            "labels": self.labels,
            "products": self.products,
            "accuracy": asdict(self.accuracy),
            "balanced": self.balanced,
            "guess": self.majority,
            "told": {
                name: {
                    "products": each.products,
                    "right": each.correct,
                    "taken_for": each.taken_for,
                }
                for name, each in self.by_label.items()
            },
            "without_picture": self.without_picture,
            "other": self.other,
        }


def label_pictures(
    encoder: "Encoder", labels: Sequence[str], pictures: Sequence[str], prompt: str = DEFAULT_PROMPT
) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    """Cosine of each picture and each label, the best first.

    Args:
        encoder: the variant's.
        labels: the words.
        pictures: paths, `data:` or web addresses.
        prompt: what the words are put into, with `{label}` in it.

    Returns:
        Cosines by label by picture, and why the other pictures cannot be read.

    Raises:
        EvalError: no picture can be read, or the prompt has no `{label}`.
    """
    vectors = label_vectors(encoder, labels, prompt)
    opened: dict[str, Image] = {}
    failed: dict[str, str] = {}
    for picture in pictures:
        found = QueryPictures().open(_absolute(picture))
        if isinstance(found, PictureError):
            failed[picture] = str(found)
        else:
            opened[picture] = found
    if not opened:
        raise EvalError(" ".join(failed.values()))
    cosines = encoder.encode_images(list(opened.values())) @ vectors.T
    labelled = {
        picture: {labels[at]: float(row[at]) for at in np.argsort(-row, kind="stable")}
        for picture, row in zip(opened, cosines, strict=True)
    }
    return labelled, failed


def label_products(
    store: Store,
    catalogue: Catalogue,
    variant: Variant,
    encoder: "Encoder",
    field: str,
    labels: Sequence[str] = (),
    *,
    category: str = "",
    prompt: str = DEFAULT_PROMPT,
) -> LabelResults:
    """Predict a field of the catalogue's products from their image vectors.

    Args:
        store: holds the variant's collection.
        catalogue: the products.
        variant: whose vectors are used.
        encoder: the variant's.
        field: an attribute's name, or `category` or `brand`.
        labels: what may be predicted; empty means all values of the field.
        category: only products of this; empty means all.
        prompt: what the words are put into, with `{label}` in it.

    Raises:
        EvalError: an unknown field, fewer than two labels, or too many to be labels; no product
            has one of them and an embedded picture.
        SearchError, StoreError: no collection of the variant's present state.
    """
    check_fingerprint(variant, store.collection(variant.name))
    refuse_unknown(catalogue.products(category=category or None), field)
    values = {
        product.id: found
        for product in catalogue.products(category=category or None)
        if (found := value(product, field))
    }
    labels = _labels(field, labels, values.values())
    labelled = {product: labels.index(each) for product, each in values.items() if each in labels}
    images = {
        point.id: point.vectors["image"]
        for point in store.scroll(variant.name, vectors=True)
        if point.id in labelled and "image" in point.vectors
    }
    if not images:
        raise EvalError(
            f"No product with a “{field}” among {', '.join(labels[:5])} has a picture that is "
            f"embedded under {variant.name}; run `vitrine ingest vectors --variant "
            f"{variant.name}`, or choose another --field."
        )
    products = [product for product in labelled if product in images]
    groups = group_of(catalogue.entries())
    vectors = np.stack([images[product] for product in products])
    return _results(
        labels,
        np.array([labelled[product] for product in products]),
        (vectors @ label_vectors(encoder, labels, prompt).T).argmax(axis=1),
        [groups[product] for product in products],
        without_picture=len(labelled) - len(products),
        other=len(values) - len(labelled),
    )


def label_vectors(encoder: "Encoder", labels: Sequence[str], prompt: str) -> np.ndarray:
    """The vectors of the labels in their prompt, float32 unit (labels, d).

    Raises:
        EvalError: the prompt has no `{label}`.
    """
    if "{label}" not in prompt:
        raise EvalError(f"The prompt “{prompt}” has no {{label}} in it.")
    return encoder.encode_texts([prompt.replace("{label}", label) for label in labels])


def _labels(field: str, labels: Sequence[str], values: Iterable[str]) -> list[str]:
    chosen = list(dict.fromkeys(labels)) or sorted(set(values))
    if len(chosen) < 2:
        raise EvalError(f"There is only the label “{chosen[0]}”; take two or more to choose from.")
    if len(chosen) > MOST_LABELS:
        raise EvalError(
            f"The field “{field}” has {len(chosen):,} values; name those to choose from with "
            "--label, once for each."
        )
    return chosen


def _results(
    labels: Sequence[str],
    truth: np.ndarray,
    predicted: np.ndarray,
    groups: Sequence[str],
    *,
    without_picture: int,
    other: int,
) -> LabelResults:
    correct = (truth == predicted).astype(np.float64)
    results: dict[str, LabelResult] = {}
    for at, label in enumerate(labels):
        own = truth == at
        wrong = Counter(predicted[own & (predicted != at)].tolist())
        taken_for = labels[wrong.most_common(1)[0][0]] if wrong else ""
        results[label] = LabelResult(int(own.sum()), int(correct[own].sum()), taken_for)
    present = [each for each in results.values() if each.products]
    scores = {"": {"accuracy": correct}}
    estimates = estimate(scores, resamples=RESAMPLES, seed=0, clusters=groups)
    return LabelResults(
        labels=tuple(labels),
        products=len(truth),
        accuracy=estimates[""]["accuracy"],
        balanced=float(np.mean([each.correct / each.products for each in present])),
        majority=max(each.products for each in present) / len(truth),
        by_label=results,
        without_picture=without_picture,
        other=other,
    )


def _absolute(picture: str) -> str:
    return str(Path(picture).resolve()) if is_local(picture) else picture
