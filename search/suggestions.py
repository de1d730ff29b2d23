"""Suggestions for what a person has begun to type."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise, zip_longest

from qdrant.vocabulary import NAME_KINDS, Vocabulary, VocabularyError, folded
from qdrant.words import INVISIBLE, WITHOUT_BLANKS, split_words

# Words of the typed text that are looked at: the last ones.
MOST_WORDS = 6
# Titles among which the words are counted that occur together with those typed before.
TITLES = 200
SPELLING = "spelling"
KINDS = (SPELLING, "word", *NAME_KINDS)

_UNIT = re.compile(rf"{WITHOUT_BLANKS.pattern}|(?:(?!{WITHOUT_BLANKS.pattern})[^\W_])+")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What the typed text may become.

    Attributes:
        text: the whole query.
        kind: `word`, of which the last one is completed; `brand`, `category` or `title`, whose
            name the text is; or `spelling`, where misspelt words of it are corrected.
        count: products that have the completed word, that name, or the corrected words one after
            another.
    """

    text: str
    kind: str
    count: int


def suggest(vocabulary: Vocabulary, typed: str, k: int = 8) -> list[Suggestion]:
    """Suggest queries, the most frequent of each kind, in the order of `KINDS`.

    Args:
        vocabulary: of the collection that is searched; where there is none, nothing is suggested.
        typed: the last word of it is taken as a prefix; after a blank, the next word is suggested.
        k: how many; each kind gets its share, and what others leave.
    """
    shown = INVISIBLE.sub("", typed)
    units = [found[0] for found in _UNIT.finditer(shown)][-MOST_WORDS:]
    if not units:
        return []
    if not shown.endswith(units[-1]):
        units.append("")  # of the next word nothing is typed yet
    try:
        names = {
            kind: vocabulary.names(kind, [each for each in units if each], k) for kind in NAME_KINDS
        }
        words = _words(vocabulary, units, k)
    except VocabularyError:
        return []
    start = shown.removesuffix(units[-1]).lstrip()
    suggestions = [[Suggestion(f"{start}{word}", "word", count) for word, count in words]]
    suggestions += [
        [Suggestion(name.text, kind, name.count) for name in found] for kind, found in names.items()
    ]
    chosen = _first(k, suggestions)
    return sorted(chosen, key=lambda each: (KINDS.index(each.kind), -each.count))


def _words(vocabulary: Vocabulary, units: Sequence[str], k: int) -> list[tuple[str, int]]:
    """Completions of the last unit; after others, those that occur with them in a title."""
    *before, prefix = units
    if WITHOUT_BLANKS.match(prefix):
        return []
    prefix = prefix.casefold()
    if not before:
        return [each for each in vocabulary.completions(prefix, k + 1) if each[0] != prefix][:k]
    titles = vocabulary.names("title", [each for each in units if each], TITLES)
    counts: Counter[str] = Counter()
    for title in titles:
        found = split_words(title.text)
        for word in set(_following(found, before[-1]) if not prefix else found):
            if folded(word).startswith(folded(prefix)) and word not in (prefix, *before):
                counts[word] += title.count
    return counts.most_common(k)


def _following(words: Sequence[str], word: str) -> Iterable[str]:
    """The words that come right after one."""
    wanted = folded(word)
    return (after for each, after in pairwise(words) if folded(each) == wanted)


def _first(k: int, suggestions: Sequence[Sequence[Suggestion]]) -> list[Suggestion]:
    """The first k, taken from each kind in turn; what reads the same is suggested once."""
    found: dict[str, Suggestion] = {}
    for each in chain(*zip_longest(*reversed(suggestions))):
        if each:
            found.setdefault(folded(each.text), each)
    in_turn = [each for each in chain(*zip_longest(*suggestions)) if each]
    return [each for each in in_turn if found[folded(each.text)] is each][:k]
