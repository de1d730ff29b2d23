from benchmarks.rounds import Measured, Ratio, Rounds


def test_each_round_begins_with_another_alternative_and_runs_all():
    order: list[str] = []
    alternatives = {name: lambda name=name: order.append(name) for name in "abc"}
    rounds = Rounds()
    for _ in range(3):
        rounds.run(alternatives)
    assert "".join(order) == "abcbcacab"


def test_a_round_returns_what_each_alternative_returned_and_a_warm_up_keeps_no_times():
    rounds = Rounds()
    assert rounds.run({"a": lambda: 1, "b": lambda: 2}, warm_up=True) == {"a": 1, "b": 2}
    rounds.run({"a": lambda: 1, "b": lambda: 2})
    assert {name: len(each.seconds) for name, each in rounds.measured(5).items()} == {
        "a": 1,
        "b": 1,
    }
    assert list(rounds.measured(5)) == ["a", "b"]


def test_a_ratio_is_of_speeds_within_a_round_so_that_a_slow_machine_cancels_out():
    ours, theirs = Measured([1.0, 10.0, 2.0], 6), Measured([2.0, 20.0, 3.0], 6)
    assert Ratio.of(ours, theirs) == Ratio(median=2.0, least=1.5, greatest=2.0)
    assert ours.per_second == 3.0
