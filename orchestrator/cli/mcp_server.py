"""The tools of a service over the Model Context Protocol, on standard input and output."""

import asyncio
import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import jsonschema
from mcp import types
from mcp.server import Server
from mcp.server.stdio import stdio_server

from orchestrator.cli.mcp_tools import Changes, Tool, tools
from orchestrator.client import Client
from protocols.errors import WellwiseError

_INSTRUCTIONS = {
    "none": "You may look at everything and change nothing.",
    "suggest": "You may look at everything. Tools that would change something suggest it to the "
    "operators with your reason, and change nothing themselves.",
    "do": "You may look at everything and do the acts of an operator, each with its reason. They "
    "have effects in a laboratory: living cells and expensive reagents. Ask the person first.",
}


def server(client: Client, changes: Changes) -> Any:
    """The MCP server of one person at one service."""
    known = tools(changes)

    async def listed(_: Any, __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_described(tool) for tool in known.values()])

    async def called(_: Any, asked: types.CallToolRequestParams) -> types.CallToolResult:
        tool = known.get(asked.name)
        if tool is None:
            return _refused(f"there is no tool {asked.name} (expected one of {', '.join(known)})")
        arguments = asked.arguments or {}
        if problem := _problem(tool, arguments):
            return _refused(problem)
        try:
            answer = await asyncio.to_thread(tool.call, client, arguments)
        except WellwiseError as error:
            return _refused(str(error))
        text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
        return types.CallToolResult(content=[types.TextContent(type="text", text=text)])

    return Server(
        "wellwise",
        version=version("wellwise"),
        instructions=_INSTRUCTIONS[changes],
        on_list_tools=listed,
        on_call_tool=called,
    )


async def serve(client: Client, changes: Changes) -> None:
    """Answer on standard input and output until they end."""
    made = server(client, changes)
    async with stdio_server() as (received, sent):
        await made.run(received, sent, made.create_initialization_options())


def _described(tool: Tool) -> types.Tool:
    return types.Tool(
        name=tool.name,
        description=tool.description,
        input_schema=tool.schema,
        annotations=types.ToolAnnotations(read_only_hint=not tool.changes, open_world_hint=False),
    )


def _problem(tool: Tool, arguments: Mapping[str, Any]) -> str:
    found = jsonschema.Draft202012Validator(tool.schema).iter_errors(dict(arguments))
    return "; ".join(
        f"{'.'.join(map(str, error.absolute_path)) or tool.name}: {error.message}"
        for error in found
    )


def _refused(why: str) -> types.CallToolResult:
    content = [types.TextContent(type="text", text=why)]
    return types.CallToolResult(content=content, is_error=True)
