"""WHEN A USER TURN IS OVER, and whether what interrupted the agent was meant to. Pure: no clock, no loop."""
