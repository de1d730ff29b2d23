"""Misspells the words of a shop at random, and counts how often they are corrected."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from qdrant.words import Words
from search.engine import Engine
from search.spelling import EDITS, LEAST_COUNT, SHORTEST, Speller

LETTERS = "abcdefghijklmnopqrstuvwxyz"
MISSPELT = 1_000
MOST_WORDS = 100_000  # of the vocabulary, the most frequent
LEAST_TYPED = 4  # characters
TWO_EDITS = 0.2  # share of the long words that are misspelt twice


@dataclass(frozen=True)
class Misspelt:
    """What became of words misspelt at random.

    Attributes:
        words: how many.
        corrected, miscorrected, left: shares that became the right word, another one, or stayed as
            they were.
        known_changed: words of the shop that were changed, of all.
    """

    words: int
    corrected: float
    miscorrected: float
    left: float
    known_changed: int


def misspell(engine: Engine, rng: random.Random) -> Misspelt | None:
    """Misspell words of the vocabulary and correct them by it; None where there is no vocabulary.

    What has become another word of the shop is no mistake that can be seen, and left out.
    """
    settings = engine.collection().words
    if settings is None or not engine.vocabulary.source():
        return None
    words = Words.of(settings)
    speller = Speller(engine.vocabulary)
    known = [
        word
        for word, count in engine.vocabulary.words(SHORTEST, MOST_WORDS).items()
        if word.isascii() and count >= LEAST_COUNT
    ]
    outcomes: Counter[str] = Counter()
    for word in rng.choices(known, k=MISSPELT) if known else ():
        typed = _misspelt(word, rng)
        if len(typed) < LEAST_TYPED or engine.vocabulary.known(words.terms(typed)):
            continue
        corrected = speller.correct(typed, words, lambda _: 0)
        right = words.terms(corrected) == words.terms(word)
        outcomes["right" if right else "left" if corrected == typed else "wrong"] += 1
    total = outcomes.total()
    shares = {name: round(count / total, 3) for name, count in outcomes.items()}
    return Misspelt(
        words=total,
        corrected=shares.get("right", 0.0),
        miscorrected=shares.get("wrong", 0.0),
        left=shares.get("left", 0.0),
        known_changed=sum(speller.correct(word, words, lambda _: 0) != word for word in known),
    )


def _misspelt(word: str, rng: random.Random) -> str:
    """A word with one random edit; some long ones with two."""
    typed = rng.choice(list(_edits(word, rng)))
    if len(word) >= max(EDITS) and rng.random() < TWO_EDITS:
        typed = rng.choice(list(_edits(typed, rng)))
    return typed


def _edits(word: str, rng: random.Random) -> Iterator[str]:
    """A letter left out, inserted, replaced, and two neighbours exchanged, at a random place."""
    place = rng.randrange(len(word) - 1)
    letter = rng.choice(LETTERS.replace(word[place], ""))
    yield word[:place] + word[place + 1 :]
    yield word[:place] + letter + word[place:]
    yield word[:place] + letter + word[place + 1 :]
    yield word[:place] + word[place + 1] + word[place] + word[place + 2 :]
