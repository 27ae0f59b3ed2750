import pytest

from agent_worker.errors import ConfigError
from agent_worker.realtime.base import Capabilities


def test_a_rate_that_the_voice_cannot_have_is_refused_with_what_to_do():
    with pytest.raises(ConfigError, match=r"22050 .* resample"):
        Capabilities(output_rate=22_050)
