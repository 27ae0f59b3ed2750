"""WHO HOLDS THE FLOOR. Pure: events and the time in, actions out; no clock, no loop, no vendor."""
