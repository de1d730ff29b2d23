"""The first stage of a search: from what was typed to what is searched for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from pictures.errors import shorten
from qdrant.model import TERMS, Collection
from qdrant.vocabulary import VocabularyError
from qdrant.words import Words
from search.query import MAX_TEXT, Query, QueryError
from search.spelling import Speller
from search.syntax import Syntax, read_syntax


@dataclass(frozen=True, slots=True)
class Reading:
    """A query as it is searched for.

    Attributes:
        query: its text without operators, and corrected; its filters with what must occur and
            what must not.
        searched_for: the text, where words of it were corrected; else empty.
        notice: what could not be done as it was typed, and the remedy; empty where all could.
    """

    query: Query
    searched_for: str = ""
    notice: str = ""


class Reader:
    """Reads the queries of one batch.

    Args:
        collection: that is searched.
        speller: corrects words.
        occurrences: number of products that have some terms one after another.
    """

    def __init__(
        self, collection: Collection, speller: Speller, occurrences: Callable[[str], int]
    ) -> None:
        self._collection = collection
        self._words = Words.of(collection.words) if collection.words else None
        self._speller = speller
        self._occurrences = occurrences

    def read(self, query: Query) -> Reading:
        """Read the operators of a query's text, and correct its words.

        Raises:
            QueryError: the text has no words, or says only what must not occur.
        """
        if not query.text:
            return Reading(query)
        syntax = read_syntax(query.text)
        if not (syntax.text or query.picture):
            what = "says only what must not occur" if syntax.without else "has no words"
            raise QueryError(f"“{shorten(query.text)}” {what}: type words, too, or give a picture.")
        query, notice = self._filtered(replace(query, typed=query.text, text=syntax.text), syntax)
        if query.match == "vectors" or (query.vector and not query.match):
            return Reading(query, notice=notice)
        if self._words is None:
            return Reading(query, notice=notice or self._without_words())
        if query.match == "words" and not self._words.has_words(query.text):
            notice = (
                f"“{query.text}” has no words that are searched: it is matched by vectors, too."
            )
            return Reading(replace(query, match="hybrid"), notice=notice)
        corrected = self._corrected(syntax, self._words)
        if corrected == syntax.text or len(corrected) > MAX_TEXT:
            return Reading(query, notice=notice)
        compounds = tuple(
            " ".join(self._words.terms(pair)) for pair in _split(syntax.text, corrected)
        )
        return Reading(replace(query, text=corrected, compounds=compounds), corrected, notice)

    def _without_words(self) -> str:
        return (
            "The collection was built by an earlier version and has no words: it is searched by "
            f"vectors. `vitrine ingest vectors --variant {self._collection.variant}` adds words."
        )

    def _filtered(self, query: Query, syntax: Syntax) -> tuple[Query, str]:
        """A query with the filters of its operators, and why they are not heeded."""
        if not (syntax.phrases or syntax.without):
            return query, ""
        if self._words is None or self._collection.payload < TERMS:
            variant = self._collection.variant
            return query, (
                "Quotes and minus are not heeded: the collection was built by an earlier version. "
                f"`vitrine ingest vectors --variant {variant}` builds it anew."
            )
        wanted, unwanted = (
            tuple(" ".join(self._words.terms(phrase)) for phrase in phrases)
            for phrases in (syntax.phrases, syntax.without)
        )
        filters = query.filters
        filters = replace(
            filters,
            phrases=(*filters.phrases, *wanted),
            not_phrases=(*filters.not_phrases, *unwanted),
        )
        return replace(query, filters=filters), ""

    def _corrected(self, syntax: Syntax, words: Words) -> str:
        """The text with its words corrected, but for those in quotes."""
        if self._collection.payload < TERMS:
            return syntax.text
        quoted = {word for phrase in syntax.phrases for word in phrase.split()}
        try:
            return self._speller.correct(syntax.text, words, self._count, quoted)
        except VocabularyError:
            return syntax.text

    def _count(self, text: str) -> int:
        """Number of products that have the words of a text one after another."""
        return self._occurrences(" ".join(self._words.terms(text))) if self._words else 0


def _split(text: str, corrected: str) -> Iterator[str]:
    """The words of a text that are two words in the corrected one, as these."""
    typed = {word.casefold() for word in text.split()}
    for first, second in pairwise(corrected.split()):
        if first + second in typed:
            yield f"{first} {second}"
