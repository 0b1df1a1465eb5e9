# SPDX-License-Identifier: MIT
"""Fetches a page again and again with aiohttp's client, on uvloop if $LOOP says so.

client_aiohttp.py PORT PATH COUNT AT_ONCE BYTES
"""
import asyncio
import sys

import aiohttp

from usage import Usage, use_loop

port, path = sys.argv[1:3]
count, at_once, size = map(int, sys.argv[3:6])


async def fetch(session, fetches):
    turns = iter(range(fetches))

    async def fetch_until_done():
        for _ in turns:
            async with session.get(f"http://127.0.0.1:{port}{path}") as response:
                if response.status != 200 or len(await response.read()) != size:
                    sys.exit("the page is wrong")

    await asyncio.gather(*[fetch_until_done() for _ in range(at_once)])


async def main():
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=at_once)) as session:
        await fetch(session, 2 * at_once)  # warm-up
        usage = Usage()
        await fetch(session, count)
        usage.tell(count)


use_loop()
asyncio.run(main())
