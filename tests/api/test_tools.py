"""The tools for agents, called by the SDK's own client: over HTTP, and on standard input."""

import asyncio
import base64
import io
import os
import sys

import httpx2
import pytest
from mcp import Client, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from PIL import Image

from api.answers import ProductAnswer
from api.brief import MOST, brief
from api.catalog_tools import Hit, Hits


def call(address, run, **headers):
    """What a coroutine of a client over HTTP returns."""

    async def connected():
        async with httpx2.AsyncClient(headers=headers) as http:
            transport = streamable_http_client(f"{address}/mcp", http_client=http)
            async with Client(transport) as client:
                return await run(client)

    return asyncio.run(connected())


async def shop_for_a_kettle(client):
    """What an agent does: look what there is, search with filters, show a product, its picture."""
    facets = await client.call_tool("list_facets", {"categories": ["Kettles"]})
    [colours] = [
        each
        for each in facets.structured_content["facets"]["attributes"]
        if each["name"] == "Colour"
    ]
    assert colours["values"]["teal"] == 1
    found = await client.call_tool(
        "search_catalog",
        {"text": "kettle", "where": ["colour=teal"], "categories": ["Kettles"], "k": 3},
    )
    [hit] = found.structured_content["products"]
    assert (hit["id"], hit["title"], hit["price"]) == ("kettle-teal", "teal kettle", 80)
    assert found.structured_content["next_offset"] is None
    shown = await client.call_tool("get_product", {"product_id": hit["id"]})
    assert shown.structured_content["description"] == "A kettle in teal."
    start, digest = hit["image_url"].removesuffix(".webp").rsplit("/", 1)
    picture = await client.read_resource(f"vitrine://pictures/{digest}")
    with Image.open(io.BytesIO(base64.b64decode(picture.contents[0].blob))) as image:
        assert (image.format, picture.contents[0].mime_type) == ("WEBP", "image/webp")
    return start


def test_an_agent_finds_filters_and_shows_a_product(address):
    assert call(address, shop_for_a_kettle) == "/v1/pictures"


def test_requests_of_agents_are_logged_as_such_and_no_stream_is_held_open(client, caplog):
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    accepted = {"Accept": "application/json, text/event-stream"}
    with caplog.at_level("INFO", logger="vitrine.api"):
        assert client.post("/mcp", json=ping, headers=accepted).json()["result"] == {}
        stream = client.get("/mcp", headers=accepted)
    assert (stream.status_code, stream.headers["allow"]) == (405, "POST")
    assert stream.headers["content-type"] == "application/problem+json"
    lines = [each.getMessage() for each in caplog.records if each.name == "vitrine.api"]
    assert [line.split()[:3] for line in lines] == [["POST", "mcp", "200"], ["GET", "mcp", "405"]]


def test_an_agent_searches_by_a_picture_or_by_a_product(address, home):
    picture = base64.b64encode((home / "source" / "kettle-teal.png").read_bytes()).decode()

    async def run(client):
        pictured = await client.call_tool(
            "search_catalog", {"picture": f"data:image/png;base64,{picture}", "k": 1}
        )
        similar = await client.call_tool("search_catalog", {"similar_to": ["kettle-teal"], "k": 2})
        return pictured.structured_content, similar.structured_content

    pictured, similar = call(address, run)
    assert [each["id"] for each in pictured["products"]] == ["kettle-teal"]
    assert "kettle-teal" not in {each["id"] for each in similar["products"]}
    assert similar["next_offset"] == 2


@pytest.mark.parametrize(
    ("tool", "arguments", "sentence"),
    [
        ("get_product", {"product_id": "gone"}, "There is no product with the id “gone”"),
        ("search_catalog", {"text": "a", "where": ["size=1"]}, "Attributes there are"),
        ("search_catalog", {"text": "a", "sort": "size"}, "sort: Input should be"),
        ("search_catalog", {"picture": "/etc/passwd"}, "A picture is at an https:, http: or"),
        ("list_facets", {"where": ["size"]}, "is not a condition: write it as in colour=Red"),
    ],
)
def test_an_agents_mistake_is_one_sentence_with_the_remedy(address, tool, arguments, sentence):
    answer = call(address, lambda client: client.call_tool(tool, arguments))
    assert answer.is_error
    assert sentence in answer.content[0].text


def test_an_agent_is_served_on_standard_input(home):
    async def run():
        named = {"VITRINE_HOME": str(home), "VITRINE_PUBLIC_URL": "https://api.shop.example"}
        server = StdioServerParameters(
            command=sys.executable, args=["-m", "vitrine", "mcp"], env=os.environ | named
        )
        async with Client(stdio_client(server)) as client:
            tools = (await client.list_tools()).tools
            return {each.name for each in tools}, await shop_for_a_kettle(client)

    tools = {"search_catalog", "get_product", "list_facets"}
    assert asyncio.run(run()) == (tools, "https://api.shop.example/v1/pictures")


def test_an_answer_for_a_model_is_cut_where_a_product_has_a_long_text_or_many_facts():
    facts = {f"fact {number}": "value " * 100 for number in range(500)}
    link = f"https://shop.example/{'a' * 600}"
    product = ProductAnswer(
        id="i" * 512, title="t" * 5000, link=link, description="d" * 10**6, details=facts
    )
    short = brief(product)
    assert len(short.model_dump_json()) <= MOST
    assert (short.id, short.link, short.description[-1]) == (product.id, link, "…")
    assert 4 <= len(short.details) < 500
    usual = ProductAnswer(id="a", title="teal kettle", description="A kettle. " * 150)
    assert brief(usual) == usual


def test_no_product_is_left_out_of_a_models_answer():
    hit = dict.fromkeys(("id", "title", "brand", "category", "currency"), "text " * 100)
    hit |= {"price": 1, "in_stock": True, "link": "l" * 300, "image_url": "u", "variants": 0}
    hits = Hits(products=[Hit(**hit)] * 20, next_offset=20, notice="")
    short = brief(hits)
    assert len(short.products) == 20
    assert {len(each.id) for each in short.products} == {500}
    assert max(len(each.title) for each in short.products) <= 200
