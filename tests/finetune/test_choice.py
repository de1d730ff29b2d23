"""The choice among candidates: dropped, diverged, resumed in the middle, with their scores."""

import dataclasses
import json
from collections import Counter

import pytest
from accelerate import Accelerator

from eval.measures import DECIDING
from finetune.choice import FILE, Choice
from finetune.errors import FinetuneError
from finetune.progress import no_progress
from finetune.split import draw_split
from finetune.trainer import Trainer
from tests.finetune.conftest import QUICK, Killed

pytestmark = pytest.mark.usefixtures("one_thread")

# Two steps an epoch. The poor one damages the base in the first.
COMMON = dataclasses.replace(QUICK, epochs=3, snapshot_every=1)
GOOD = dataclasses.replace(COMMON, learning_rate=1e-2)
POOR = dataclasses.replace(COMMON, learning_rate=3e-2, targets=("token_embedding", "fc1"))
DIVERGING = dataclasses.replace(COMMON, learning_rate=1e30)


@pytest.fixture
def trainer(examples, checkpoint):
    split = draw_split(examples, seed=0, validation=0.2, test=0.2)
    return Trainer(checkpoint, examples, split, Accelerator(cpu=True))


@pytest.fixture
def choose(trainer, tmp_path):
    """Chooses in a folder of a name; one that exists is gone on with."""

    def choose(candidates, folder="run", seconds=None, report=no_progress, choose_weight=True):
        (tmp_path / folder).mkdir(exist_ok=True)
        choice = Choice(trainer, candidates, tmp_path / folder, seconds, report)
        return choice.run(choose_weight=choose_weight)

    return choose


def by_name(chosen):
    return {each["name"]: each for each in chosen.facts["candidates"]}


def test_the_best_trial_is_trained_at_full_length(choose, capsys):
    steps = Counter()

    def count(progress):
        steps[progress.candidate] += not progress.validation

    chosen = choose({"poor": POOR, "good": GOOD}, report=count)
    assert steps == {"poor_trial": 2, "good_trial": 2, "good": 6}
    assert chosen.settings.learning_rate == GOOD.learning_rate
    assert chosen.facts["chosen"] == "good"
    table = by_name(chosen)
    assert table["poor"]["trial"] < table["good"]["trial"]
    assert table["good"]["full"] == chosen.trained.state.best[DECIDING]
    assert table["poor"]["full"] is None
    assert table["poor"]["settings"]["rate"] == 3e-2
    assert set(table["poor"]["settings"]) == {"rate", "targets"}
    said = " ".join(capsys.readouterr().err.split())
    assert "Tries 2 candidates on 20 products" in said
    assert "6 held-out products: at most about 0:0" in said


def test_a_single_candidate_needs_no_trial(choose):
    chosen = choose({"good": GOOD})
    assert by_name(chosen)["good"]["trial"] is None
    assert chosen.trained.state.epochs


def test_a_candidate_that_diverges_is_dropped(choose):
    chosen = choose({"diverging": DIVERGING, "good": GOOD})
    assert by_name(chosen)["diverging"]["diverged"]
    assert not by_name(chosen)["good"]["diverged"]
    assert chosen.facts["chosen"] == "good"


def test_if_all_diverge_it_is_an_error_with_the_remedy(choose):
    for candidates in ({"one": DIVERGING}, {"one": DIVERGING, "more": DIVERGING}):
        with pytest.raises(FinetuneError, match="smaller --learning-rate"):
            choose(candidates, f"run{len(candidates)}")


@pytest.mark.parametrize("killed_at", [("poor_trial", 1), ("good_trial", 1), ("good", 4)])
def test_a_choice_killed_within_a_candidate_goes_on_there(choose, tmp_path, killed_at):
    candidates = {"poor": POOR, "good": GOOD}
    unbroken = choose(candidates, "unbroken")

    def kill(progress):
        if (progress.candidate, progress.step) == killed_at and not progress.validation:
            raise Killed

    with pytest.raises(Killed):
        choose(candidates, report=kill)
    before = json.loads((tmp_path / "run" / FILE).read_text())
    steps = []
    resumed = choose(
        candidates, report=lambda progress: steps.append((progress.candidate, progress.step))
    )
    assert steps[0][0] == killed_at[0]
    assert steps[0][1] >= killed_at[1] - 1
    assert resumed.facts["estimated_seconds"] == round(before["plan"]["seconds"])
    assert resumed.settings == unbroken.settings
    for name, tensor in resumed.training.model.tensors().items():
        assert (tensor - unbroken.training.model.tensors()[name]).abs().max() < 1e-6
    assert resumed.facts["candidates"] == unbroken.facts["candidates"]


def test_a_limit_that_is_too_short_is_an_error_before_any_step(choose, tmp_path):
    with pytest.raises(FinetuneError, match="--minutes"):
        choose({"good": GOOD}, seconds=1e-3)
    assert not (tmp_path / "run" / FILE).exists()


def test_the_adapter_weight_is_the_best_one_unless_it_is_given(choose):
    chosen = choose({"good": GOOD})
    weights = {each["weight"]: each[DECIDING] for each in chosen.facts["adapter_weights"]}
    assert list(weights) == [0.25, 0.5, 0.75, 1.0]
    assert weights[chosen.settings.adapter_weight] == max(weights.values())
    # The adapter has its whole weight again.
    assert chosen.training.validate()[DECIDING] == pytest.approx(weights[1.0])
    assert choose({"good": GOOD}, "given", choose_weight=False).settings.adapter_weight == 1


def test_a_damaged_record_is_an_error_with_the_remedy(choose, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / FILE).write_text("{")
    with pytest.raises(FinetuneError, match="--restart"):
        choose({"good": GOOD})
