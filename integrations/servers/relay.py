"""Hand connections on, between a port on loopback and a Unix socket: across network namespaces.

`relay.py tcp PORT SOCKET` listens at the port, `relay.py unix PORT SOCKET` at the socket.
"""

from __future__ import annotations

import asyncio
import sys

HOST = "127.0.0.1"


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.close()


async def serve(how: str, port: int, path: str) -> None:
    """Hand connections on for ever. Parameters: `how`, `tcp` or `unix`."""

    async def hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if how == "tcp":
            there, back = await asyncio.open_unix_connection(path)
        else:
            there, back = await asyncio.open_connection(HOST, port)
        await asyncio.gather(_copy(reader, back), _copy(there, writer))
        writer.close()
        back.close()

    if how == "tcp":
        server = await asyncio.start_server(hand_on, HOST, port)
    else:
        server = await asyncio.start_unix_server(hand_on, path)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
