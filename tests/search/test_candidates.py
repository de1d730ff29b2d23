"""Candidates: what is read of them."""

from qdrant.layout import RANKED_FACTS
from search.exact import CODE_FACTS, EXACT_FACTS
from search.folding import FOLD_FACTS
from search.formula import FORMULA_FACTS
from search.ordering import FACTS


def test_the_facts_that_stages_need_are_among_those_that_the_store_reads_fast():
    needed = {*CODE_FACTS, *EXACT_FACTS, *FOLD_FACTS, *FORMULA_FACTS}
    assert needed.union(*FACTS.values()) - {"id"} <= set(RANKED_FACTS)
