"""The only reader of a clock.

`now` is the event loop's monotonic seconds: it drives every deciding machine, and a virtual-time loop
changes it for all of them at once. Wall time is for people (log lines, tools that tell the time), not for decisions.
"""

import asyncio
import time


def now() -> float:
    """Seconds on the running event loop's monotonic clock."""
    return asyncio.get_running_loop().time()


def wall_nanoseconds() -> int:
    """Nanoseconds since 1970, for what people and their tools read: it may jump, so nothing is decided by it."""
    return time.time_ns()
