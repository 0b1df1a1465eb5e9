# SPDX-License-Identifier: MIT
"""An echo server on asyncio, or on uvloop if $LOOP says so.

echo_python.py PORT|PATH streams|protocol
"""
import asyncio
import os
import sys


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


async def echo(reader, writer):
    try:
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def main(where, form):
    loop = asyncio.get_running_loop()
    if "/" in where:
        server = await (loop.create_unix_server(Echo, where, backlog=4096) if form == "protocol" else
                        asyncio.start_unix_server(echo, where, backlog=4096))
    else:
        server = await (loop.create_server(Echo, "127.0.0.1", int(where), backlog=4096) if form == "protocol" else
                        asyncio.start_server(echo, "127.0.0.1", int(where), backlog=4096))
    async with server:
        await server.serve_forever()


if os.environ.get("LOOP") == "uvloop":
    import uvloop
    uvloop.install()
asyncio.run(main(sys.argv[1], sys.argv[2]))
