import numpy as np
import pytest

from encoder.vectors import unit
from eval.demonstration import CONSTANTS, appended, trials


@pytest.fixture(scope="module")
def shown():
    rng = np.random.default_rng(0)
    products = unit(rng.normal(size=(400, 32)))
    products[50] = products[60]  # twins: their order must hold as well
    queries = unit(products[:80] + 0.2 * rng.normal(size=(80, 32)))
    names = [f"q{number}" for number in range(80)]
    qrels = {name: {f"p{number:03}": 1} for number, name in enumerate(names)}
    return trials(queries, names, products, [f"p{number:03}" for number in range(400)], qrels)


def test_the_formula_holds():
    one, other = unit(np.random.default_rng(1).normal(size=(2, 16))).astype(np.float64)
    one, other = one / np.linalg.norm(one), other / np.linalg.norm(other)
    for c in CONSTANTS:
        [first], [second] = appended(one[None], c), appended(other[None], c)
        assert first @ second == pytest.approx((one @ other + c**2) / (1 + c**2))
        assert np.linalg.norm(first) == pytest.approx(1)


def test_similarity_climbs_to_nearly_1_while_no_answer_changes(shown):
    *constants, collapsed = shown
    similarity = [trial.similarity for trial in constants]
    assert similarity == sorted(similarity)
    assert similarity[0] < 0.8 < 0.99 < similarity[-1]
    assert all(trial.same == trial.queries == 80 for trial in constants)
    assert len({trial.ndcg for trial in constants}) == 1
    assert collapsed.name == "a collapsed model"


def test_the_collapsed_model_beats_all_by_similarity_and_finds_nothing(shown):
    *constants, collapsed = shown
    assert collapsed.similarity > 0.999 > constants[-1].similarity
    assert constants[0].ndcg > 0.5
    assert collapsed.ndcg < 0.1
    assert collapsed.same == 0
