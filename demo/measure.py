"""How well a checkpoint finds what is asked for: nDCG@10 of an exact search in memory.

The same figures come from `vitrine eval run` once the shop is ingested; this needs no
installation, and serves training too, with a catalogue and queries from the training side.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image

from demo import DemoError, demand, shop
from demo.demand import grade
from demo.drawing import draw, draw_scene
from demo.lessons import VALIDATION_SEED, load_lesson, write_caption, write_description
from demo.looks import ATTRIBUTES, Look
from encoder.encoder import Encoder
from encoder.variants import Variants
from encoder.vectors import fuse
from eval.measures import DECIDING, score
from pictures.errors import PictureError
from pictures.store import decode

VALIDATION_PER_KIND = 60
VALIDATION_QUERIES = {"text": 160, "picture": 80, "both": 80}


@dataclass(frozen=True, slots=True)
class Question:
    """A query with its answers: text, picture or both."""

    id: str
    text: str
    picture: Image.Image | None
    relevant: Mapping[str, int]

    @property
    def sort(self) -> str:
        """What it is made of: "text", "picture" or "both"."""
        if self.picture is None:
            return "text"
        return "both" if self.text else "picture"


@dataclass(frozen=True, slots=True)
class Exam:
    """A catalogue of products with pictures, and questions about it."""

    ids: Sequence[str]
    texts: Sequence[str]
    pictures: Sequence[Image.Image]
    questions: Sequence[Question]


@dataclass(frozen=True, slots=True)
class Mark:
    """The mean nDCG@10 of some questions, and how many there were."""

    questions: str
    vector: str
    ndcg: float
    count: int


def open_encoder(checkpoint: Path) -> Encoder:
    """The encoder of a checkpoint, with the default product text."""
    with tempfile.TemporaryDirectory() as home:
        return Encoder.load(Variants(Path(home)).add("demo", checkpoint))


def sit(encoder: Encoder, exam: Exam) -> list[Mark]:
    """Ask all questions of an exam, of the `fused` and of the `image` vectors.

    Returns:
        A mark for each sort of question and vector, and one over all questions for each vector.
    """
    image = encoder.encode_images(exam.pictures)
    gallery = {"fused": fuse(encoder.encode_texts(exam.texts), image), "image": image}
    asked = _encode(encoder, exam.questions)
    marks = []
    for vector, vectors in gallery.items():
        order = np.argsort(-(asked @ vectors.T), axis=1, kind="stable")[:, :10]
        ranked = {
            question.id: [exam.ids[place] for place in row]
            for question, row in zip(exam.questions, order, strict=True)
        }
        values = score({each.id: each.relevant for each in exam.questions}, ranked)[DECIDING]
        sorts = np.array([question.sort for question in exam.questions])
        for sort in dict.fromkeys(sorts):
            chosen = values[sorts == sort]
            marks.append(Mark(str(sort), vector, float(chosen.mean()), len(chosen)))
        marks.append(Mark("all", vector, float(values.mean()), len(values)))
    return marks


def shop_exam(folder: Path) -> Exam:
    """The demo's own exam. Its grades count products without a picture too, which no one finds.

    Raises:
        DemoError: the folder holds no demo shop.
    """
    try:
        products = _rows(folder / shop.PRODUCTS)
        queries = _rows(folder / demand.QUERIES)
    except FileNotFoundError as error:
        raise DemoError(f"{folder} holds no demo shop: python -m demo make {folder}") from error
    kept: list[dict[str, Any]] = []
    pictures: list[Image.Image] = []
    for product in products:
        try:
            pictures.append(decode(folder / product["image"]))
        except (PictureError, IsADirectoryError):
            continue
        kept.append(product)
    return Exam(
        ids=[product["id"] for product in kept],
        texts=[f"{product['title']}. {product['description']}" for product in kept],
        pictures=pictures,
        questions=[
            Question(
                query["id"],
                query["text"],
                decode(folder / query["image"]) if query["image"] else None,
                query["relevant"],
            )
            for query in queries
        ],
    )


def validation_exam(cache: Path, side: int) -> Exam:
    """An exam in the wording of training, on drawn products that training does not see.

    Whatever is tuned is tuned on this; the demo's queries are for the last look only.
    """
    lesson = load_lesson(cache, per_kind=VALIDATION_PER_KIND, side=side, seed=VALIDATION_SEED)
    rng = Random(VALIDATION_SEED)
    ids = [str(number) for number in range(len(lesson))]
    questions = [
        _validation_question(f"{sort}{number}", sort, ids, lesson.looks, rng)
        for sort, count in VALIDATION_QUERIES.items()
        for number in range(count)
    ]
    return Exam(
        ids=ids,
        texts=[write_description(look, rng).text for look in lesson.looks],
        pictures=[Image.fromarray(picture) for picture in lesson.pictures],
        questions=questions,
    )


def _validation_question(
    name: str, sort: str, ids: Sequence[str], looks: Sequence[Look], rng: Random
) -> Question:
    look = rng.choice(looks)
    caption = write_caption(look, rng)
    asks = tuple(caption.names) if sort == "text" else ATTRIBUTES
    grades = {other: grade(look, asks, each) for other, each in zip(ids, looks, strict=True)}
    return Question(
        id=name,
        text="" if sort == "picture" else caption.text,
        picture=None if sort == "text" else draw(look, draw_scene(rng)),
        relevant={other: value for other, value in grades.items() if value},
    )


def _rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def _encode(encoder: Encoder, questions: Sequence[Question]) -> np.ndarray:
    """Query vectors (n, d), in their order."""
    vectors = np.empty((len(questions), encoder.dim), dtype=np.float32)
    worded = [place for place, each in enumerate(questions) if each.text]
    drawn = [place for place, each in enumerate(questions) if each.picture is not None]
    vectors[worded] = encoder.encode_texts([questions[place].text for place in worded])
    if drawn:
        text = vectors[drawn]
        pictures = [each.picture for each in questions if each.picture is not None]
        seen = encoder.encode_images(pictures)
        both = np.array([bool(questions[place].text) for place in drawn])
        seen[both] = fuse(text[both], seen[both]) if both.any() else seen[both]
        vectors[drawn] = seen
    return vectors
