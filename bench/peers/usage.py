# SPDX-License-Identifier: MIT
"""For programs that measure themselves; the same as usage.hpp."""
import json
import os
import time


class Usage:
    """Begins to measure when it is made."""

    def __init__(self):
        self.processor, self.start = time.process_time(), time.perf_counter()

    def tell(self, count):
        seconds, used = time.perf_counter() - self.start, time.process_time() - self.processor
        print(json.dumps({"count": count, "seconds": seconds, "us": used * 1e6 / count}))


def use_loop():
    """uvloop if $LOOP says so."""
    if os.environ.get("LOOP") == "uvloop":
        import uvloop
        uvloop.install()
