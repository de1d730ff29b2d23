"""Zero-shot labels: which word of a list fits a product's picture best.

The reference system does this with finishes such as `matte` and `glossy`. The words are put
into a prompt and embedded; the label whose vector is nearest to the picture's is the answer.
Where products carry the label among their facts, the answers are counted against it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catalog.catalogue import Catalogue
from encoder.encoder import Encoder
from encoder.variant import Variant
from eval.comparison import Estimate, estimates
from eval.errors import EvalError, NothingToMeasure
from eval.fields import refuse_unknown, value
from pictures.errors import PictureError
from pictures.store import decode, read_source
from qdrant.vector_files import VectorFiles, vector_key

DEFAULT_PROMPT = "{label}"
# Without --label a field's own values are the labels; a field of more is no list of labels.
MOST_LABELS = 100


@dataclass(frozen=True)
class LabelResult:
    """How a label fared: its products, how many were told right, what the others mostly were."""

    products: int
    right: int
    taken_for: str


@dataclass(frozen=True)
class LabelResults:
    """How well labels were told from pictures.

    Attributes:
        labels: what could be answered.
        products: how many products were looked at.
        accuracy: share that was told right, with its interval.
        balanced: mean over labels of the share told right, which a frequent label cannot carry.
        guess: accuracy of always saying the most frequent label.
        told: how each label fared.
        without_picture: products with a label and no embedded picture.
        other: products whose value is none of the labels.
    """

    labels: tuple[str, ...]
    products: int
    accuracy: Estimate
    balanced: float
    guess: float
    told: Mapping[str, LabelResult]
    without_picture: int
    other: int


def label_pictures(
    encoder: Encoder, labels: Sequence[str], pictures: Sequence[str], prompt: str = DEFAULT_PROMPT
) -> dict[str, dict[str, float]]:
    """Cosine of each picture and each label, the best first.

    Args:
        encoder: the variant's.
        labels: the words.
        pictures: paths or `data:` addresses.
        prompt: what the words are put into, with `{label}` in it.

    Raises:
        EvalError: a picture cannot be read, or the prompt has no place for the label.
    """
    words = label_vectors(encoder, labels, prompt)
    try:
        opened = [decode(read_source(_absolute(picture))) for picture in pictures]
    except PictureError as error:
        raise EvalError(str(error)) from None
    cosines = encoder.encode_images(opened) @ words.T
    return {
        picture: {labels[at]: float(row[at]) for at in np.argsort(-row, kind="stable")}
        for picture, row in zip(pictures, cosines, strict=True)
    }


def label_products(
    home: Path,
    catalogue: Catalogue,
    variant: Variant,
    encoder: Encoder,
    field: str,
    labels: Sequence[str] = (),
    *,
    category: str = "",
    prompt: str = DEFAULT_PROMPT,
) -> LabelResults:
    """Tell a field of the catalogue's products from their embedded pictures.

    Args:
        home: the shop's folder.
        catalogue: the products.
        variant: whose vectors are used.
        encoder: the variant's.
        field: a name among the products' details, or `category` or `brand`.
        labels: what may be answered; empty means all values of the field.
        category: only products of this; empty means all.
        prompt: what the words are put into, with `{label}` in it.

    Raises:
        EvalError: an unknown field, fewer than two labels, or too many to be labels.
        NothingToMeasure: no product has one of them and an embedded picture.
    """
    products = catalogue.products(category=category or None)
    refuse_unknown(products, field)
    bearing = [
        (entry, said)
        for entry in catalogue.entries(category=category or None)
        if (said := value(entry.product, field))
    ]
    labels = _labels(field, labels, Counter(said for _, said in bearing))
    chosen = [(entry, labels.index(said)) for entry, said in bearing if said in labels]
    with VectorFiles(home / "vectors" / variant.fingerprint, variant.dim) as vector_files:
        keys = [vector_key("image", entry.picture) if entry.picture else b"" for entry, _ in chosen]
        has = np.flatnonzero(vector_files.has(keys)) if keys else np.empty(0, np.int64)
        if not len(has):
            raise NothingToMeasure(
                f"No product with a “{field}” among {', '.join(labels[:5])} has a picture that is "
                f"embedded under {variant.name}; run `vitrine ingest vectors --variant "
                f"{variant.name}`, or choose another --field."
            )
        pictures = vector_files.get([keys[row] for row in has])
    truth = np.array([chosen[row][1] for row in has])
    answers = (pictures @ label_vectors(encoder, labels, prompt).T).argmax(axis=1)
    return _results(
        labels,
        truth,
        answers,
        without_picture=len(chosen) - len(has),
        other=len(bearing) - len(chosen),
    )


def label_vectors(encoder: Encoder, labels: Sequence[str], prompt: str) -> np.ndarray:
    """The vectors of the labels in their prompt, float32 unit (labels, d).

    Raises:
        EvalError: the prompt has no place for the label.
    """
    if "{label}" not in prompt:
        raise EvalError(f"The prompt “{prompt}” has no {{label}} in it.")
    return encoder.encode_texts([prompt.replace("{label}", label) for label in labels])


def _labels(field: str, labels: Sequence[str], values: Counter[str]) -> list[str]:
    chosen = list(dict.fromkeys(labels)) or sorted(values)
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
    answers: np.ndarray,
    *,
    without_picture: int,
    other: int,
) -> LabelResults:
    hits = (truth == answers).astype(np.float64)
    told: dict[str, LabelResult] = {}
    for at, label in enumerate(labels):
        own = truth == at
        wrong = Counter(answers[own & (answers != at)].tolist())
        taken_for = labels[wrong.most_common(1)[0][0]] if wrong else ""
        told[label] = LabelResult(int(own.sum()), int(hits[own].sum()), taken_for)
    borne = [each for each in told.values() if each.products]
    accuracy = estimates({"": {"accuracy": hits}}, resamples=10_000, seed=0)[""]["accuracy"]
    return LabelResults(
        labels=tuple(labels),
        products=len(truth),
        accuracy=accuracy,
        balanced=float(np.mean([each.right / each.products for each in borne])),
        guess=max(each.products for each in borne) / len(truth),
        told=told,
        without_picture=without_picture,
        other=other,
    )


def _absolute(picture: str) -> str:
    return picture if picture.startswith("data:") else str(Path(picture).resolve())
