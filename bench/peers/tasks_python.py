# SPDX-License-Identifier: MIT
"""The scheduler's workloads on asyncio, or with LOOP=uvloop on uvloop.

    tasks_python.py W1|W1b|W2|W3|W4|W5|timers|wait_for|gather2|gather1000 [n]
"""
import asyncio
import os
import random
import sys
import time

PEER = os.environ.get("LOOP", "asyncio")
if PEER == "uvloop":
    import uvloop

    uvloop.install()


def status_kb(key):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(key))


BASE_KB = status_kb("VmRSS")
count = 0


def report(workload, n, ns, ok):
    fields = ["RESULT", PEER, workload, n, f"{ns / n:.2f}", f"{ns / 1e6:.2f}", status_kb("VmHWM"), BASE_KB, "-"]
    print(*fields, "ok" if ok else "BAD", sep="\t", flush=True)


async def measure(workload, n, expected, body):
    global count
    count = 0
    begin = time.perf_counter_ns()
    await body
    report(workload, n, time.perf_counter_ns() - begin, count == expected)


async def trivial():
    global count
    count += 1


async def spawn_and_join(n):
    create_task = asyncio.get_running_loop().create_task
    tasks = [create_task(trivial()) for _ in range(n)]
    for task in tasks:
        await task


async def spawn_in_batches(n):
    for _ in range(n // 1000):
        await spawn_and_join(1000)


async def yielder(n):
    global count
    for _ in range(n):
        await asyncio.sleep(0)
        count += 1


async def two_yielders(n):
    await asyncio.gather(yielder(n // 2), yielder(n // 2))


async def child(i):
    return i & 1


async def await_children(n):
    global count
    for i in range(n):
        count += await child(i)


async def sleeper(seconds):
    global count
    await asyncio.sleep(seconds)
    count += 1


async def sleepers(n, seconds):
    create_task = asyncio.get_running_loop().create_task
    tasks = [create_task(sleeper(seconds)) for _ in range(n)]
    for task in tasks:
        await task


async def limited(n):
    global count
    for i in range(n):
        count += await asyncio.wait_for(child(i), 10)


async def gather_two(n):
    global count
    for i in range(n):
        count += sum(await asyncio.gather(child(i), child(i + 1)))


async def gather_thousand(n):
    global count
    for _ in range(n // 1000):
        count += sum(await asyncio.gather(*[child(i) for i in range(1000)]))


async def through_a_queue(n):
    queue = asyncio.Queue(128)

    async def produce():
        for i in range(n):
            await queue.put(i)

    async def consume():
        global count
        for _ in range(n):
            count += await queue.get() & 1

    await asyncio.gather(produce(), consume())


async def timers(n, pending):
    """Adds and cancels timers at random distances while `pending` others wait."""
    loop = asyncio.get_running_loop()
    source = random.Random(7)
    distances = [1 + 60 * source.random() for _ in range(n)]
    waiting = [loop.call_later(1 + 60 * source.random(), print) for _ in range(pending)]
    begin = time.perf_counter_ns()
    for distance in distances:
        loop.call_later(distance, print).cancel()
    ns = time.perf_counter_ns() - begin
    for timer in waiting:
        timer.cancel()
    report(f"timer-{pending}", n, ns, len(distances) == n)


async def main(what, argument):
    def n(by_default):
        return argument or by_default

    if what == "W1":
        await measure("W1", n(1_000_000), n(1_000_000), spawn_and_join(n(1_000_000)))
        await measure("W1warm", n(1_000_000), n(1_000_000), spawn_and_join(n(1_000_000)))
    elif what == "W1b":
        await measure("W1b", n(1_000_000), n(1_000_000), spawn_in_batches(n(1_000_000)))
    elif what == "W2":
        await measure("W2", n(1_000_000), n(1_000_000), two_yielders(n(1_000_000)))
    elif what == "W3":
        await measure("W3", n(3_000_000), n(3_000_000) // 2, await_children(n(3_000_000)))
    elif what == "W4":
        seconds = int(os.environ.get("SLEEP_S", "5"))
        begin = time.perf_counter_ns()
        await sleepers(n(1_000_000), seconds)
        # uvloop's clock has whole milliseconds, so its timers may fire up to 1 ms early.
        ns = time.perf_counter_ns() - begin + 1_000_000 - seconds * 10**9
        report("W4", n(1_000_000), max(0, ns), count == n(1_000_000) and ns >= 0)
    elif what == "W5":
        await measure("W5", n(500_000), n(500_000) // 2, through_a_queue(n(500_000)))
    elif what == "timers":
        for pending in (0, 1000, 1_000_000):
            await timers(n(200_000), pending)
    elif what == "wait_for":
        await measure("wait_for", n(100_000), n(100_000) // 2, limited(n(100_000)))
    elif what == "gather2":
        await measure("gather2", n(100_000), n(100_000), gather_two(n(100_000)))
    elif what == "gather1000":
        await measure("gather1000", n(200_000), n(200_000) // 2, gather_thousand(n(200_000)))
    else:
        sys.exit(__doc__)


asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "", int(sys.argv[2]) if len(sys.argv) > 2 else 0))
