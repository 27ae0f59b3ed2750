"""Every route of the OpenAPI document is asked what the document allows: no defect, and refusals with a code."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings

from signaling.errors import ErrorCode
from tests.support.stack import free_port, running, wait_ready

# What WHIP clients send (RFC 9725, RFC 8840) is text.
schemathesis.serializer.alias(["application/sdp", "application/trickle-ice-sdpfrag"], "text/plain")
CODES = {code.value for code in ErrorCode}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("openapi")
    address = f"http://127.0.0.1:{(port := free_port())}"
    with running("signaling", "signaling", "--dev", "--port", str(port), folder=folder) as process:
        wait_ready(f"{address}/readyz", process)
        yield address
        assert "Traceback" not in process.printed()


def test_no_request_finds_a_defect(url: str):
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) >= 20
    for operation in operations:

        @settings(max_examples=6, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def ask(case: schemathesis.Case) -> None:
            response = case.call(timeout=30)
            # 503 says that there is no worker, or no room for more; it has its code, as every refusal.
            assert response.status_code < 500 or response.status_code == 503, (case, response.text)
            if response.status_code >= 400:
                assert response.headers["content-type"][0] == "application/problem+json", case
                assert response.json()["code"] in CODES, case

        ask()
