"""Keys, hosts, origins and rates."""

from contextlib import contextmanager

import pytest
from starlette.testclient import TestClient

from api.access import CLIENTS, Rates
from api.application import make_application
from api.settings import Settings
from events.status import read_status
from search.shop import open_shop
from vitrine import VitrineError

KEY, OTHER = "k" * 32, "o" * 32


@contextmanager
def served(home, base="http://localhost", **environment):
    """A client of a server with the settings of an environment."""
    settings = Settings.read({f"VITRINE_{name}": value for name, value in environment.items()})
    with TestClient(make_application(open_shop(home), settings), base_url=base) as client:
        yield client


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": f"Basic {KEY}"}, 401),
        ({"X-API-Key": "ü"}, 401),
        ({"X-API-Key": KEY[:-1]}, 401),
        ({"X-API-Key": KEY}, 200),
        ({"Authorization": f"Bearer {KEY}"}, 200),
        ({"authorization": f"bearer  {OTHER} "}, 200),
    ],
)
def test_where_there_are_keys_a_request_needs_one(home, headers, status):
    with served(home, "http://any.test", API_KEYS=f"{KEY}, {OTHER}") as client:
        sent = {name: value.encode() for name, value in headers.items()}
        answer = client.get("/v1/variants", headers=sent)
        assert answer.status_code == status
        if status == 401:
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.json()["request_id"] == answer.headers["x-request-id"]
            assert "Authorization: Bearer KEY" in answer.json()["detail"]
        assert client.get("/metrics", headers=sent).status_code == status


def test_pictures_probes_and_the_document_need_no_key(home):
    with served(home, API_KEYS=KEY) as client:
        address = client.get("/v1/products/kettle-teal", headers={"X-API-Key": KEY}).json()
        assert client.get(address["image_url"]).status_code == 200
        assert client.get("/health/live").status_code == 200
        document = client.get("/openapi.json").json()
    assert document["security"] == [{"bearer": []}, {"key": []}]
    assert document["paths"]["/health/live"]["get"]["security"] == []


def test_a_key_is_in_no_log(home, caplog):
    with caplog.at_level("DEBUG"), served(home, API_KEYS=KEY) as client:
        client.get("/v1/variants", headers={"X-API-Key": KEY})
        client.get("/v1/variants", headers={"X-API-Key": KEY[:-1]})
    assert KEY[:-1] not in caplog.text


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8000", 200),
        ("127.0.0.1", 200),
        ("[::1]:8000", 200),
        ("api.shop.test", 200),
        ("evil.test", 421),
        ("localhost.evil.test", 421),
        ("", 421),
    ],
)
def test_without_keys_a_foreign_name_of_this_machine_is_refused(home, host, status):
    with served(home, PUBLIC_URL="https://api.shop.test") as client:
        answer = client.get("/v1/variants", headers={"Host": host})
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:3000", 200),
        ("http://[::1]:3000", 200),
        ("https://api.shop.test", 200),
        ("https://named.test", 200),
        ("https://evil.test", 403),
        ("https://localhost.evil.test", 403),
        ("null", 403),
    ],
)
def test_without_keys_a_foreign_page_cannot_even_send_a_form(home_copy, origin, status):
    headers = {"Origin": origin}
    form = {"text": (None, "teal kettle")}
    settings = Settings.read(
        {"VITRINE_PUBLIC_URL": "https://api.shop.test", "VITRINE_API_ORIGINS": "https://named.test"}
    )
    app = make_application(open_shop(home_copy, log=True), settings)
    with TestClient(app, base_url="http://localhost") as client:
        assert client.post("/v1/search", files=form, headers=headers).status_code == status
        tools = client.post("/mcp", json={}, headers=headers)
        assert (tools.status_code == 403) == (status == 403)
        assert client.get("/health/live", headers=headers).status_code == 200
    assert read_status(home_copy).searches == (status == 200)


def test_pages_of_other_origins_read_nothing_unless_they_are_named(home):
    headers = {"Origin": "https://shop.test"}
    with served(home) as client:
        assert (
            "access-control-allow-origin" not in client.get("/v1/variants", headers=headers).headers
        )
    with served(home, API_ORIGINS="https://shop.test", API_KEYS=KEY) as client:
        preflight = client.options(
            "/v1/search",
            headers=headers
            | {
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "content-type, x-api-key",
            },
        )
        assert preflight.status_code == 200
        refused = client.get("/v1/variants", headers=headers)
        assert refused.status_code == 401
        assert refused.headers["access-control-allow-origin"] == "https://shop.test"
        other = client.get("/v1/variants", headers={"Origin": "https://evil.test"})
        assert "access-control-allow-origin" not in other.headers


def test_a_client_beyond_its_rate_waits_and_others_do_not(home):
    with served(home, API_KEYS=f"{KEY},{OTHER}", API_RATE="0.5") as client:
        first, second = (client.get("/v1/variants", headers={"X-API-Key": KEY}) for _ in range(2))
        assert (first.status_code, second.status_code) == (200, 429)
        assert second.headers["retry-after"] == "2"
        assert client.get("/v1/variants", headers={"X-API-Key": OTHER}).status_code == 200
        assert client.get("/health/live").status_code == 200


def test_a_rate_allows_a_burst_and_then_as_many_as_the_time_gives():
    now = [0.0]
    rates = Rates(5, lambda: now[0])
    assert [rates.wait("a") for _ in range(11)] == [0] * 10 + [1]
    now[0] += 1
    assert [rates.wait("a") for _ in range(6)] == [0] * 5 + [1]
    now[0] += 100
    assert [rates.wait("a") for _ in range(11)] == [0] * 10 + [1]


def test_clients_beyond_a_number_are_forgotten_the_longest_away_first():
    rates = Rates(0.001, lambda: 0.0)
    assert (rates.wait("first"), rates.wait("first") > 0) == (0, True)
    for number in range(CLIENTS):
        rates.wait(str(number))
    assert rates.wait("first") == 0


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("API_KEYS", "short", "fewer than 16 characters"),
        ("API_KEYS", "ü" * 32, "others than ASCII"),
        ("API_RATE", "fast", "is fast: set it to requests a second"),
        ("API_RATE", "-1", "is -1"),
        ("API_RATE", "inf", "is inf"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused(name, value, sentence):
    with pytest.raises(VitrineError, match=sentence) as refused:
        Settings.read({f"VITRINE_{name}": value})
    assert name != "API_KEYS" or value not in str(refused.value)


def test_a_server_that_fetches_no_pictures_says_what_helps(home):
    with served(home, API_FETCH="0") as client:
        answer = client.post("/v1/search", json={"picture": "https://shop.test/a.jpg"})
    assert answer.status_code == 422
    assert "upload the file, or send a data: address" in answer.json()["detail"]
