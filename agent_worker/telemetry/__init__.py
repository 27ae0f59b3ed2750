"""WHAT CAN BE SEEN OF A SESSION: its events (`events`), and spans and figures made of them.

session -> events -> tracks (pure) -> recorder -> OpenTelemetry
"""
