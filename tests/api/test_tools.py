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

from tests.api.conftest import ODD_ID


def call(address, run, **headers):
    """What a coroutine of a client over HTTP returns."""

    async def connected():
        async with httpx2.AsyncClient(headers=headers) as http:
            transport = streamable_http_client(f"{address}/mcp", http_client=http)
            async with Client(transport) as client:
                return await run(client)

    return asyncio.run(connected())


def test_an_agent_finds_filters_and_shows_a_product(address):
    async def run(client):
        facets = await client.call_tool("list_facets", {"categories": ["Kettles"]})
        found = await client.call_tool(
            "search_catalog",
            {"text": "kettle", "where": ["colour=teal"], "categories": ["Kettles"], "k": 3},
        )
        shown = await client.call_tool("get_product", {"product_id": "kettle-teal"})
        return facets, found, shown

    facets, found, shown = (each.structured_content for each in call(address, run))
    [colours] = [each for each in facets["facets"]["attributes"] if each["name"] == "Colour"]
    assert colours["values"]["teal"] == 1
    [hit] = found["products"]
    assert (hit["id"], hit["title"], hit["price"]) == ("kettle-teal", "teal kettle", 80)
    assert hit["image_url"].startswith("/v1/pictures/")
    assert found["next_offset"] is None
    assert shown["description"] == "A kettle in teal."


def test_an_agent_searches_by_a_picture_or_by_a_product_and_reads_pictures(address, home):
    picture = base64.b64encode((home / "source" / "kettle-teal.png").read_bytes()).decode()

    async def run(client):
        pictured = await client.call_tool(
            "search_catalog", {"picture": f"data:image/png;base64,{picture}", "k": 1}
        )
        similar = await client.call_tool("search_catalog", {"similar_to": ["kettle-teal"], "k": 2})
        [hit] = pictured.structured_content["products"]
        digest = hit["image_url"].rpartition("/")[2].removesuffix(".webp")
        read = await client.read_resource(f"vitrine://pictures/{digest}")
        return hit, similar.structured_content, read.contents[0]

    hit, similar, read = call(address, run)
    assert hit["id"] == "kettle-teal"
    assert "kettle-teal" not in {each["id"] for each in similar["products"]}
    assert similar["next_offset"] == 2
    with Image.open(io.BytesIO(base64.b64decode(read.blob))) as image:
        assert image.format == "WEBP"


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
        server = StdioServerParameters(
            command=sys.executable,
            args=["-m", "vitrine", "mcp"],
            env=os.environ | {"VITRINE_HOME": str(home)},
        )
        async with Client(stdio_client(server)) as client:
            tools = (await client.list_tools()).tools
            shown = await client.call_tool("get_product", {"product_id": ODD_ID})
            return {each.name for each in tools}, shown.structured_content["id"]

    assert asyncio.run(run()) == ({"search_catalog", "get_product", "list_facets"}, ODD_ID)
