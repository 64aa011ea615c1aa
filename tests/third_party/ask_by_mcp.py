"""The public client of the Model Context Protocol asks `wellwise mcp`; runs apart from the lab.

Standard input has a list of [tool, arguments]; what was heard is printed as JSON.
"""

import asyncio
import json
import sys
from pathlib import Path

from mcp import Client, StdioServerParameters, stdio_client

ROOT = str(Path(__file__).resolve().parents[2])
PROGRAM = "from orchestrator.cli.main import main; main()"


async def main() -> None:
    url, token, *more = sys.argv[1:]
    environment = {"WELLWISE_URL": url, "WELLWISE_TOKEN": token, "PYTHONPATH": ROOT}
    command = ["-c", PROGRAM, "mcp", *more]
    server = StdioServerParameters(command=sys.executable, args=command, env=environment)
    async with Client(stdio_client(server)) as client:
        tools = (await client.list_tools()).tools
        answers = []
        for name, arguments in json.load(sys.stdin):
            answer = await client.call_tool(name, arguments)
            answers.append([answer.is_error, answer.content[0].text])
        heard = {
            "instructions": client.instructions,
            "tools": {tool.name: tool.annotations.read_only_hint for tool in tools},
            "answers": answers,
        }
    sys.stdout.write(json.dumps(heard))


asyncio.run(main())
