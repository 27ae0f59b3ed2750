"""Sound in and out: between a room's RTP and the samples that the rest of the package knows."""
