"""`agent-worker connect`: join a room from a terminal, as a human: type, speak a recording, read and record."""

import asyncio
import time
from collections import deque
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console, RenderableType
from rich.text import Text

from agent_worker.audio import WIRE_RATE, Samples
from agent_worker.cli import keyboard, tokens
from agent_worker.cli.call import Call
from agent_worker.cli.display import Display, LiveDisplay, PlainDisplay, going_on
from agent_worker.cli.environment import Environment
from agent_worker.cli.errands import Errands, GiveUp, Leave, SayLine, SaySound
from agent_worker.cli.line_editor import EndOfInput, LineEditor
from agent_worker.cli.live import plain_console
from agent_worker.cli.mixer import Mixer
from agent_worker.cli.output import LogLevel, clear_errors, log_to_stderr, run_until_interrupted
from agent_worker.cli.transcript import Line, Speaker
from agent_worker.cli.wav import WavTape, WavVoice, read_wav
from agent_worker.clock import now
from agent_worker.errors import AgentWorkerError, ConnectionLostError
from agent_worker.media.outbound import VoicePump
from agent_worker.rooms.ice import OfferedAddresses
from agent_worker.rooms.signaled_entrance import Entrance
from agent_worker.worker.address import endpoint, is_loopback

__all__ = ["connect"]

TOKEN_SECONDS: Final = 600
LINGER_SECONDS: Final = 3.0
LOOK_SECONDS: Final = 0.1


def connect(
    room: Annotated[str, typer.Option(metavar="ROOM", help="The room to join; it is opened if need be.")],
    identity: Annotated[
        str | None, typer.Option(help="Who you are there. By default a new guest each time.", show_default=False)
    ] = None,
    agent: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Have the agent of this name come; by default the room's own.", show_default=False
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            metavar="TOKEN",
            help="Join with this token, which says who you are. Else one is signed with AGENT_WORKER_API_KEY and"
            " AGENT_WORKER_API_SECRET, or with the development key, for a server with --dev.",
            show_default=False,
        ),
    ] = None,
    say: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE.wav",
            help="Speak this recording when the agent listens. Repeatable: each after the answer to the one before.",
            show_default=False,
        ),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(metavar="OUT.wav", dir_okay=False, help="Keep what is heard.", show_default=False),
    ] = None,
    linger: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            metavar="SECONDS",
            help="Leave when all is said and the agent has listened for so long. By default 3, or, where you can"
            " type, never.",
            show_default=False,
        ),
    ] = None,
    timeout: Annotated[
        float,
        typer.Option(
            min=0.0,
            metavar="SECONDS",
            help="Where nobody can type: give up when nothing has changed for so long. 0 waits for ever.",
        ),
    ] = 60.0,
    signaling: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="The signaling server, http:// or ws://. Else AGENT_WORKER_SIGNALING_URL, else ws://127.0.0.1:8080.",
            show_default=False,
        ),
    ] = None,
    addresses: Annotated[
        OfferedAddresses | None,
        typer.Option(
            help="Which of this machine's addresses the agent may send its voice to. By default all when the"
            " signaling server is on this machine, else the network's.",
            show_default=False,
        ),
    ] = None,
    log_level: Annotated[LogLevel, typer.Option(help="How much to log, to standard error.")] = LogLevel.ERROR,
) -> None:
    """Join a room from the terminal, as a human: lines that you type go to the agent, what is said is shown.

    Ctrl-D leaves, and so does the end of a pipe: `echo "what time is it" | agent-worker connect --room r` asks one
    thing and prints the answer. There is no sound in a terminal; --say and --record are its microphone and its ears.
    """
    log_to_stderr(log_level)
    with clear_errors():
        environment = Environment()
        server = signaling or environment.signaling_url
        signed = token or _sign(environment, room, identity, agent)
        sounds = [SaySound(read_wav(path), path.name) for path in say or ()]
        is_typed = keyboard.is_typed()
        errands = Errands(
            deque(sounds),
            linger=linger if linger is not None or is_typed else LINGER_SECONDS,
            patience=None if is_typed or not timeout else timeout,
            is_complete=is_typed,
        )
        offered = addresses or (OfferedAddresses.ALL if is_loopback(server) else OfferedAddresses.NETWORK)
        visit = Visit(errands, console=plain_console(), is_typed=is_typed)
        run_until_interrupted(visit.run(Entrance(endpoint(server, "/v1/rtc"), signed), offered, record))


def _sign(environment: Environment, room: str, identity: str | None, agent: str | None) -> str:
    claims = tokens.join_claims(
        room=room,
        identity=identity or f"terminal-{time.time_ns() % 10**9:09d}",
        agents=() if agent is None else (agent,),
        now=int(time.time()),
        lifetime=TOKEN_SECONDS,
    )
    return tokens.sign(claims, environment.key)


class _LeftError(Exception):
    """Leaves the task group of a visit that is over."""


class Visit:
    """One call from the terminal: what is said, heard and shown.

    Args:
        errands: What is to be said without a person, and when to leave.
        console: Where it is shown.
        is_typed: Whether a person types.
    """

    def __init__(self, errands: Errands, *, console: Console, is_typed: bool) -> None:
        self._errands = errands
        self._is_typed = is_typed
        self._editor = LineEditor()
        self._voice = WavVoice()
        self._left = asyncio.Event()
        self._tape: WavTape | None = None
        self._mixer = Mixer()
        self._call: Call | None = None
        self._display: Display = (
            LiveDisplay(console, self._going_on) if console.is_terminal else PlainDisplay(console)
        )

    async def run(self, entrance: Entrance, addresses: OfferedAddresses, record: Path | None) -> None:
        """Be there until all is said, or the person leaves.

        Raises:
            AgentWorkerError: The room is over, or nothing goes on any more.
        """
        with ExitStack() as stack:
            if record is not None:
                self._tape = stack.enter_context(WavTape(record))
            stack.enter_context(self._display)
            if self._is_typed:
                stack.enter_context(keyboard.keys_of_terminal(self._on_keys))
            pump = VoicePump(self._voice)
            call = self._call = Call(
                entrance, pump, hear=self._on_sound, addresses=addresses, show=self._display.line
            )
            try:
                await self._live(call, pump)
            finally:
                if self._tape is not None:
                    self._tape.put(self._mixer.rest())
        if record is not None and self._tape is not None:
            typer.echo(f"{record}: {self._tape.samples / WIRE_RATE:.1f} s of what was heard", err=True)

    async def _live(self, call: Call, pump: VoicePump) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(pump.run())
                tasks.create_task(call.run())
                tasks.create_task(self._follow(call))
                if not self._is_typed:
                    tasks.create_task(self._read())
                await self._left.wait()
                raise _LeftError
        except* _LeftError:
            pass
        except* AgentWorkerError:
            for line in call.transcript.finish():
                self._display.line(line)
            raise

    async def _read(self) -> None:
        async for line in keyboard.lines_of_pipe():
            self._errands.todo.append(SayLine(line))
        self._errands.is_complete = True

    async def _follow(self, call: Call) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            state = call.transcript.agent_state if call.is_heard else ""
            self._errands.receive(state, speaking=self._voice.is_speaking, now=now())
            match self._errands.advance(now()):
                case SaySound(samples=samples, name=name):
                    self._voice.say(samples)
                    self._display.line(Line(speaker=Speaker.NOTE, text=f"speaking {name}"))
                case SayLine(text=text):
                    call.type(text)
                case Leave():
                    self._left.set()
                case GiveUp(why=why):
                    raise ConnectionLostError(f"Gave up: {why}.")
                case None:
                    self._display.refresh()

    def _on_keys(self, keys: str) -> None:
        for line in self._editor.feed(keys):
            if isinstance(line, EndOfInput):
                self._left.set()
            elif self._call is not None:
                self._call.type(line)
        self._display.refresh()

    def _on_sound(self, who: str, samples: Samples) -> None:
        if self._tape is not None:
            self._mixer.put(who, samples, now())
            self._tape.put(self._mixer.settled(now()))

    def _going_on(self) -> RenderableType:
        call = self._call
        if call is None or not call.room:
            return Text("joining ...", style="dim")
        state = "speech held" if call.transcript.is_held else call.transcript.agent_state or "not here yet"
        sound = "server away" if call.is_away else "sound connected" if call.is_heard else "no sound yet"
        people = f"{len(call.others) + 1} in {call.room}"
        status = Text(f"agent: {state} · {sound} · {people} · Ctrl-D leaves", style="reverse")
        return going_on(
            growing=call.transcript.growing, status=status, typed=self._editor.text if self._is_typed else None
        )
