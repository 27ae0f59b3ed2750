"""An agent that talks with the application more than with people: says what it was sent for, and takes orders."""

from agent_worker import Agent, RpcCall
from agent_worker.session.events import DataReceived


class Waiter(Agent):
    instructions = "Take orders."

    async def on_enter(self) -> None:
        session, job = self.session, self.session.job
        session.rpc("order", self.order)
        session.on(DataReceived)(self.echo)
        told = {"for": job.participant, "metadata": job.metadata, "attributes": dict(job.attributes)}
        session.send_data("job", told)

    async def order(self, call: RpcCall) -> dict[str, object]:
        return {"for": call.identity, "of": call.payload}

    def echo(self, event: DataReceived) -> None:
        self.session.send_data("echo", {"from": event.identity, "payload": event.payload}, to=["ann"])
