# SPDX-License-Identifier: MIT
"""Runs /bin/true again and again with asyncio, on uvloop if $LOOP says so: processes_python.py COUNT AT_ONCE"""
import asyncio
import json
import resource
import sys
import time

from usage import use_loop

count, at_once = map(int, sys.argv[1:3])


def used(who):
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


async def main():
    turns = iter(range(count))

    async def run_until_done():
        for _ in turns:
            process = await asyncio.create_subprocess_exec("/bin/true")
            if await process.wait() != 0:
                sys.exit("a process fails")

    own, children, start = used(resource.RUSAGE_SELF), used(resource.RUSAGE_CHILDREN), time.perf_counter()
    await asyncio.gather(*[run_until_done() for _ in range(at_once)])
    print(json.dumps({"count": count, "seconds": time.perf_counter() - start,
                      "us": (used(resource.RUSAGE_SELF) - own) * 1e6 / count,
                      "children_us": (used(resource.RUSAGE_CHILDREN) - children) * 1e6 / count}))


use_loop()
asyncio.run(main())
