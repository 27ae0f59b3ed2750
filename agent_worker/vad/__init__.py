"""Is the user speaking: from microphone samples to voice events."""
