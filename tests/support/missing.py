"""What a test needs and this machine may not have: a skip with its reason for a developer, a failure in CI."""

import os
from typing import NoReturn

import pytest


def missing(reason: str) -> NoReturn:
    """Leave the test; `reason` says what is missing and how to get it."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
