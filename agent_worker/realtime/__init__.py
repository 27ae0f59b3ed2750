"""THE MODEL: the seam to realtime speech models (`base`), and what fits it.

session -> commands -> openai (socket) <-> openai_wire (pure codec) -> events -> session
"""
