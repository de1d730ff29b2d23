from eval.pools import make_pool, shuffle_pool


def test_a_pool_has_the_first_products_of_each_ranking_once():
    assert make_pool(["dabc", "aexy"], 2) == ["a", "d", "e"]
    assert make_pool([], 5) == []


def test_a_pool_hides_which_ranking_a_product_comes_from():
    assert make_pool(["dabc", "aexy"], 3) == make_pool(["aexy", "dabc"], 3)


def test_the_order_depends_on_query_and_seed_alone():
    pool = [f"p{number}" for number in range(30)]
    order = shuffle_pool(pool, "q", 0)
    assert sorted(order) == sorted(pool)
    assert order != pool
    assert shuffle_pool(pool[::-1], "q", 0) == order
    assert shuffle_pool(pool, "r", 0) != order
    assert shuffle_pool(pool, "q", 1) != order
