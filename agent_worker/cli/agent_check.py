"""`python -m agent_worker.cli.agent_check AGENT`: loads an agent in its own process, and says what is wrong with it.

The exit code is 0 for an agent that a worker can take, else 2, with the reason on standard error.
"""

import sys

from agent_worker.cli.output import ExitCode
from agent_worker.errors import ConfigError
from agent_worker.worker.loader import load


def main(spec: str) -> int:
    """Load it."""
    try:
        load(spec)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return ExitCode.USAGE
    return ExitCode.DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
