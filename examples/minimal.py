"""The shortest agent there is."""

from agent_worker import Agent

agent = Agent(instructions="You are a friendly voice assistant. Keep your answers short.")
