from eval.clusters import cluster_queries
from eval.queries import LabelledQuery

GROUPS = {"a1": "a", "a2": "a", "b": "b", "c": "c"}


def clusters_of(*queries, hashes=None):
    """The ids of each cluster."""
    labels = cluster_queries(queries, GROUPS, hashes)
    return [
        [query.id for query, each in zip(queries, labels, strict=True) if each == label]
        for label in dict.fromkeys(labels.tolist())
    ]


def test_queries_for_products_of_one_group_are_one_cluster():
    first = LabelledQuery("first", "red mug", relevant={"a1": 1})
    second = LabelledQuery("second", picture="/2.jpg", relevant={"a2": 2, "a1": 1})
    other = LabelledQuery("other", "blue mug", relevant={"b": 1})
    assert clusters_of(first, other, second) == [["first", "second"], ["other"]]


def test_queries_of_one_text_or_picture_are_one_cluster_and_clusters_that_meet_are_joined():
    text = LabelledQuery("text", "Red  MUG", relevant={"a1": 1})
    both = LabelledQuery("both", "red mug", picture="/1.jpg", relevant={"b": 1})
    picture = LabelledQuery("picture", picture="/2.jpg", relevant={"c": 1})
    hashes = {"/1.jpg": "same", "/2.jpg": "same"}
    assert clusters_of(text, both, picture) == [["text", "both"], ["picture"]]
    assert clusters_of(text, both, picture, hashes=hashes) == [["text", "both", "picture"]]


def test_a_category_joins_no_queries_of_its_products():
    product = LabelledQuery("product", "red mug", relevant={"a1": 1})
    category = LabelledQuery("category", "mugs", relevant={"a1": 1, "b": 1})
    same = LabelledQuery("same", "cups", relevant={"b": 1, "a2": 1})
    assert clusters_of(product, category, same) == [["product"], ["category", "same"]]


def test_a_judged_product_that_is_not_relevant_joins_nothing():
    first = LabelledQuery("first", "x", relevant={"a1": 1, "c": 0})
    second = LabelledQuery("second", "y", relevant={"b": 1, "c": 0})
    nothing = [LabelledQuery(name, name, relevant={"c": 0}) for name in ("p", "q")]
    assert clusters_of(first, second, *nothing) == [["first"], ["second"], ["p"], ["q"]]


def test_products_outside_the_catalogue_are_groups_of_their_own():
    queries = [LabelledQuery(str(row), str(row), relevant={f"x{row // 2}": 1}) for row in range(4)]
    assert clusters_of(*queries) == [["0", "1"], ["2", "3"]]
