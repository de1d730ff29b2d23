"""The training data of the demo's CLIP: drawn products outside the shop, and texts for them.

Texts are written anew for every batch; pictures are drawn once and kept in a cache.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from demo import drawing
from demo.style import ATTRIBUTES, Style, draw_styles, kinds, words_of
from demo.wording import Wording, fill, sentences

# Seeds that the shop and its queries do not use: every picture has another scene.
SEED = "lessons"
VALIDATION_SEED = "validation lessons"

# Numbers of attributes in a caption, drawn evenly: people search with two or three words.
NAMED = (0, 1, 1, 2, 2, 2, 3, 3, 4)
# Share of captions with a word that means nothing.
NOISE_SHARE = 0.33


@dataclass(frozen=True, slots=True)
class DrawnSet:
    """Styles with their pictures: uint8 (n, side, side, 3), row i drawn from style i."""

    styles: Sequence[Style]
    pictures: np.ndarray

    def __len__(self) -> int:
        return len(self.styles)


def load_drawn_set(cache: Path, *, per_kind: int, side: int, seed: str = SEED) -> DrawnSet:
    """Draw the pictures, or take them from the cache where they were drawn before.

    Args:
        cache: folder for the drawn pictures; made where absent.
        per_kind: pictures of each of the 16 kinds.
        side: of a picture, pixels.
        seed: another seed gives other styles and scenes.
    """
    styles = [
        style
        for kind in kinds().values()
        for style in draw_styles(kind, per_kind, Random(f"{seed} {kind.name}"))
    ]
    file = cache / f"{seed.replace(' ', '-')}-{per_kind}-{side}-{drawing.digest()}.npy"
    if not file.exists():
        cache.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".new.npy")
        draw = partial(_draw, side=side, seed=seed)
        np.save(unfinished, np.stack(drawing.map_in_processes(draw, list(enumerate(styles)))))
        unfinished.replace(file)
    return DrawnSet(styles, np.load(file, mmap_mode="r"))


def write_description(style: Style, rng: Random) -> Wording:
    """A product text: title and description, as a catalogue has it."""
    training = sentences("training")
    others = {"brand": [make_brand(rng)], "filler": training["fillers"]}
    title = fill(rng.choice(training["titles"]), style, rng, voice="known", others=others)
    body = fill(rng.choice(training["descriptions"]), style, rng, voice="known", others=others)
    return Wording(f"{title.text}. {body.text}", title.names | body.names)


def write_caption(style: Style, rng: Random) -> Wording:
    """A short text that names the kind and some attributes, in any order."""
    training = sentences("training")
    named = rng.sample(ATTRIBUTES, k=rng.choice(NAMED))
    before = rng.randint(0, len(named))
    parts = [rng.choice(words_of(style, name).known) for name in named]
    parts.insert(before, rng.choice(kinds()[style.kind].words.known))
    if rng.random() < NOISE_SHARE:
        parts.insert(rng.randint(0, len(parts)), make_brand(rng))
    text = parts[0]
    for part in parts[1:]:
        text += rng.choice(training["joints"]) + part
    text = rng.choice(training["openings"]) + text + rng.choice(training["closings"])
    return Wording(text, frozenset(named))


def make_brand(rng: Random) -> str:
    """An invented brand: two or three syllables; never one of the shop's."""
    return "".join(rng.choices(sentences("training")["syllables"], k=rng.choice((2, 2, 3))))


def write_corpus(count: int) -> Iterator[str]:
    """Texts that the tokenizer is trained on."""
    rng = Random(f"{SEED} corpus")
    every = [style for kind in kinds().values() for style in draw_styles(kind, 50, rng)]
    for _ in range(count):
        yield write_description(rng.choice(every), rng).text
        yield write_caption(rng.choice(every), rng).text


def _draw(numbered: tuple[int, Style], *, side: int, seed: str) -> np.ndarray:
    """Drawn at the shop's side and resized as the image processor does it."""
    number, style = numbered
    large = drawing.draw(style, drawing.draw_scene(Random(f"{seed} scene {number}")))
    return np.asarray(large.resize((side, side), Image.Resampling.BICUBIC))
