"""`vitrine mcp`: tools for an agent on standard input and output."""

import asyncio

from api.catalog_tools import make_server
from api.service import Service
from api.settings import Settings
from search.shop import open_shop
from vitrine.command import CommandLine

app = CommandLine()


@app.command()
def serve() -> None:
    """Serve the installation VITRINE_HOME to an agent over MCP, on standard input and output.

    An agent's settings name this command. `vitrine serve` has the same tools at /mcp.
    """
    settings = Settings.read()

    async def run() -> None:
        with Service(open_shop(), settings) as service:
            await service.threads.run(service.readiness)  # begins to load the model
            await make_server(lambda: service).run_stdio_async()

    asyncio.run(run())


if __name__ == "__main__":
    app(prog_name="python -m api.mcp_command")
