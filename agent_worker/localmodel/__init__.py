"""The embedded model: a server that speaks the OpenAI Realtime protocol on localhost, without a key or a network.

    client frames -> server -> connection -> protocol (pure) -> brain (pure) -> voice -> server frames
                                   |-> ears (detector, recogniser)  -> protocol

Everything is decided in `protocol` and `brain`; `connection`, `ears` and `voice` only do.
"""
