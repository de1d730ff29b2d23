"""Searches, counts and suggestions over HTTP, against the same search in Python."""

import base64
import json

import pytest

from search.shop import open_shop
from tests.api.conftest import ODD_ID

TORN_FORM = b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\na'


@pytest.fixture(scope="module")
def opened(home):
    with open_shop(home) as opened:
        yield opened


def ids(found):
    return [each["id"] for each in found["results"]]


def search(client, **body):
    answer = client.post("/v1/search", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"where": {"colour": ["Coral", "Teal"], "weight": {"lt": 2}}},
        {"where": ["colour!=coral", "weight>=0.5"]},
        {"categories": ["Kettles"], "price_max": 90, "in_stock": True},
        {"sort": "-price"},
        {"match": "words", "fold": False},
        {"vector": "image", "k": 3},
        {"unlike": ["kettle-navy"], "without": ["lipstick"]},
        {"diverse": True, "offset": 2},
    ],
)
def test_a_search_finds_what_the_shop_finds_in_python(client, opened, options):
    found = search(client, text="coral kettle", **options)
    wanted = opened.search("coral kettle", **options)
    assert ids(found) == [each.id for each in wanted.results]
    assert [each["id"] for each in found["without_picture"]] == [
        each.id for each in wanted.without_picture
    ]
    assert [each["score"] for each in found["results"]] == [
        pytest.approx(each.score) for each in wanted.results
    ]


def test_a_result_has_its_product_its_parts_and_its_words(client):
    [found] = search(client, text="teal kettle", k=1)["results"]
    product = found["product"]
    assert found["rank"] == 1
    assert (product["id"], product["title"]) == ("kettle-teal", "teal kettle")
    assert product["categories"] == ["Appliances", "Kettles", "Appliances > Kettles"]
    assert product["attributes"] == {"Colour": "teal", "Weight": 1.75}
    assert product["image_url"].startswith("/v1/pictures/")
    assert found["parts"]["words"]["rank"] == 1
    assert found["matched"]["title"] == ["teal", "kettle"]
    assert not {"content", "facets", "picture"} & product.keys()


def test_pages_follow_one_another_until_the_last(client):
    whole = ids(search(client, text="kettle", k=100, fold=False))
    seen, offset = [], 0
    while offset is not None:
        page = search(client, text="kettle", k=5, offset=offset, fold=False)
        seen += ids(page)
        offset = page["next_offset"]
    assert seen == whole
    assert len(seen) == len(set(seen)) > 5


def test_without_a_query_products_that_pass_the_filters_are_shown(client):
    found = search(client, where={"colour": "coral"}, facets=True)
    assert set(ids(found)) == {"lipstick-coral", "kettle-coral"}
    assert found["facets"]["products"] == 2
    first = search(client, k=5)
    second = search(client, k=5, offset=5)
    assert (first["next_offset"], len(ids(second))) == (5, 5)
    assert not {*ids(first)} & {*ids(second)}


def test_facets_are_counted_on_demand(client):
    assert search(client, text="kettle")["facets"] is None
    facets = search(client, text="kettle", facets=True, facet_limit=2)["facets"]
    assert facets["products"] == 13
    colours = next(each for each in facets["attributes"] if each["name"] == "Colour")
    assert (colours["different"], len(colours["values"])) == (6, 2)


def test_facets_under_filters_leave_their_own_filter_out(client):
    answer = client.get("/v1/facets", params={"where": "colour=teal", "categories": "Kettles"})
    facets = answer.json()["facets"]
    assert facets["products"] == 1
    assert {each["path"]: each["count"] for each in facets["categories"]}["Beauty"] == 1
    of_words = client.get("/v1/facets", params={"text": '"teal kettle"'}).json()["facets"]
    assert of_words["products"] == 1


@pytest.mark.parametrize("kind", ["file", "data address", "with words"])
def test_a_picture_is_sent_as_a_file_or_in_the_body(client, opened, home, kind):
    path = home / "source" / "kettle-teal.png"
    words = "in coral" if kind == "with words" else ""
    if kind == "data address":
        data = base64.b64encode(path.read_bytes()).decode()
        found = search(client, picture=f"data:image/png;base64,{data}", k=4)
    else:
        answer = client.post(
            "/v1/search",
            data={"k": "4", "where": ["price>10", "price<1000"], "text": words, "fold": "true"},
            files={"picture": path.read_bytes()},
        )
        assert answer.status_code == 200, answer.text
        found = answer.json()
    where = () if kind == "data address" else ["price>10", "price<1000"]
    wanted = opened.search(words, picture=path, k=4, where=where).results
    assert ids(found) == [each.id for each in wanted]
    if not words:
        assert ids(found)[0] == "kettle-teal"


def test_a_form_takes_lists_by_repeated_fields(client):
    answer = client.post(
        "/v1/search",
        files=[
            ("text", (None, "kettle")),
            ("where", (None, "colour=coral,teal")),
            ("where", (None, "weight>1")),
            ("brands", (None, "Acme")),
            ("brands", (None, "Zenith")),
        ],
    )
    assert set(ids(answer.json())) == {"kettle-coral", "kettle-teal"}


def test_suggestions_complete_what_is_typed(client):
    answer = client.get("/v1/suggest", params={"text": "cor"}).json()
    assert answer["text"] == "cor"
    assert {"text": "coral", "kind": "word", "count": 3} in answer["suggestions"]


def test_a_misspelt_word_is_corrected_and_reported(client):
    found = search(client, text="coral ketle")
    assert found["searched_for"] == "coral kettle"


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ({"text": "x" * 5_000}, 422, "text: String should have at most 4000 characters."),
        ({"k": 0}, 422, "k: Input should be greater than or equal to 1."),
        ({"k": 101}, 422, "less than or equal to 100"),
        ({"text": "a", "colour": "red"}, 422, "colour: Extra inputs are not permitted."),
        ({"text": "a", "where": {"colour": {"below": 1}}}, 422, "where"),
        ({"text": "a", "where": {"colour": []}}, 422, "“colour” has no value"),
        ({"text": "a", "where": ["colour"]}, 422, "is not a condition: write it as in colour=Red"),
        ({"text": "a", "where": {"coulour": "red"}}, 422, "Attributes there are: Colour"),
        ({"text": "a", "categories": ["Toys"]}, 422, "No product has the category “Toys”"),
        ({"text": "a", "price_min": 9, "price_max": 1}, 422, "is above the highest"),
        ({"like": ["gone"]}, 422, "no product with the id “gone”"),
        ({"unlike": ["kettle-teal"]}, 422, "There is nothing to search for"),
        ({"without": ["kettle"], "sort": "price"}, 422, "There is nothing to search for"),
        ({"text": "a", "like": ["kettle-teal"]}, 422, "takes neither words nor a picture"),
        (
            {"text": "a", "variant": "gone"},
            422,
            "There is no variant “gone”. Those there are: tiny",
        ),
        ({"picture": "/etc/passwd"}, 422, "A picture is at an https:, http: or data: address"),
        ({"picture": "file:///etc/passwd"}, 422, "A picture is at an https:, http: or data:"),
        ({"picture": "http://127.0.0.1/a.png"}, 422, "The picture’s host is not found"),
        ({"picture": "data:image/png;base64,AAAA"}, 422, "is no picture"),
    ],
)
def test_a_request_at_fault_is_a_problem_with_the_remedy(client, home, body, status, detail):
    answer = client.post("/v1/search", json=body)
    problem = answer.json()
    assert answer.status_code == problem["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert detail in problem["detail"]
    assert problem["type"] == "urn:vitrine:invalid-request"
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert str(home) not in answer.text


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b'{"text": "a"', "application/json", 422),
        (b"[]", "application/json", 422),
        (b"null", "application/json", 422),
        (b'{"price_min": NaN}', "application/json", 422),
        (b'{"price_min": 1e999}', "application/json", 422),
        (b'{"text": "\\ud800"}', "application/json", 422),
        (b'{"text": "\xff"}', "application/json", 422),
        (b"[" * 100_000, "application/json", 422),
        (b"text=a", "application/x-www-form-urlencoded", 415),
        (b"<a/>", "text/xml", 415),
        (b"a", "", 415),
        (b"", "application/json", 422),
        (b"nonsense", "multipart/form-data", 422),
        (b"nonsense", "multipart/form-data; boundary=x", 422),
        (TORN_FORM, "multipart/form-data; boundary=x", 422),
    ],
)
def test_a_body_that_cannot_be_read_is_a_problem(client, content, kind, status):
    answer = client.post("/v1/search", content=content, headers={"content-type": kind})
    assert answer.status_code == status, answer.text
    assert answer.json()["detail"]


def test_a_body_that_is_too_large_is_refused(client):
    body = json.dumps({"text": "a", "picture": "data:," + "x" * (17 * 2**20)})
    answer = client.post("/v1/search", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert answer.json()["type"] == "urn:vitrine:too-large"


def test_a_torn_upload_is_no_picture(client):
    answer = client.post("/v1/search", files={"picture": b"\x89PNG\r\n\x1a\n" + b"torn" * 50})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("The picture")


def test_products_without_a_picture_are_listed_apart(client):
    found = search(client, text="coral kettle", vector="image", k=50)
    assert [each["id"] for each in found["without_picture"]] == [ODD_ID]
