"""What the brain answers by itself, without a tool: intent -> words. Pure."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from agent_worker.localmodel import (
    languages,
    lookups,
    ordering,
    outputs,
    phrases,
    services,
    sums,
    teams,
    texts,
)
from agent_worker.localmodel.context import Context
from agent_worker.localmodel.dialogue import ForgetReminders, Plan, Say, Topic, UserLine
from agent_worker.localmodel.intents import Intent, Wish
from agent_worker.localmodel.memory import name_in
from agent_worker.localmodel.words import HOMOPHONES, in_words, numbers

MOST_COUNTED: Final = 100
MOST_DICE: Final = 10
SLOWER: Final = 0.75
FASTER: Final = 1.3
SLOWEST: Final = 0.5
FASTEST: Final = 2.0
"""Paces, relative to the session's."""
LONGEST_REPEATED: Final = 30
"""Words of what was heard to its end and is said again at another pace."""
_DICE_COUNT: Final = re.compile(r"\b(?:roll|throw|toss) (\w+) (?:dice|dies)\b")
_OTHER_DAYS: Final = {"tomorrow": 1, "yesterday": -1}
_PERSONA: Final = re.compile(
    r"\b[Yy]ou(?:r name is| are(?: called)?) (?!An?\b|The\b|AI\b|I\b)([A-Z][a-zà-ÿ]+)\b"
    r"(?! (?:speaker|assistant|model|agent)\b)"
)


def answer(wish: Wish, context: Context) -> Plan:
    """What to say to a wish, and what to do besides."""
    if wish.intent in _PLANS:
        return _PLANS[wish.intent](wish, context)
    said = _ANSWERS[wish.intent](wish, context)
    return (ForgetReminders(), said) if wish.intent is Intent.TIMER_CANCEL else (said,)


def greeting(context: Context) -> Say:
    """The first words of a conversation."""
    return Say(
        f"Hello! {_myself(context)} Ask me for the time, a story or a joke, or say help. What can I do for you?",
        topic=Topic.GREETING,
    )


def _myself(context: Context) -> str:
    team = teams.speaking(context.memory)
    if team is not None:
        return f"I am {team.name}, the same machine in another voice."
    persona = _PERSONA.search(context.situation.instructions)
    return f"I am {persona[1]}." if persona is not None else "I am your voice assistant."


def _greet(_wish: Wish, context: Context) -> Say:
    if not context.memory.agent_lines:
        return greeting(context)
    name = context.memory.user_name
    return Say(f"Hello{f', {name}' if name else ''}! What can I do for you?", topic=Topic.GREETING)


def _help(_wish: Wish, context: Context) -> Say:
    tools = [tool.name.replace("_", " ") for tool in context.situation.tools]
    more = f" I also have tools here: {', '.join(tools)}." if tools else ""
    team = teams.speaking(context.memory)
    examples = texts.EXAMPLES if team is None else team.examples
    return Say(f"You can say, for example: {', or: '.join(examples)}.{more}", topic=Topic.HELP)


def _who(_wish: Wish, context: Context) -> Say:
    return Say(f"{_myself(context)} I run on this machine, without the internet.")


def _echo(wish: Wish, _context: Context) -> Say:
    said = wish.text.partition("repeat after me ")[2]
    return Say(f"{said[:1].upper()}{said[1:]}.")


def _time(wish: Wish, context: Context) -> Say:
    said = f"It is {outputs.clock_text(context.moment.wall)}."
    return Say(f"I know only the time here. {said}" if phrases.place(wish.words) else said)


def _date(wish: Wish, context: Context) -> Say:
    day = next((day for day in _OTHER_DAYS if day in wish.words), None)
    date = outputs.date_text((context.moment.wall + timedelta(days=_OTHER_DAYS.get(day or "", 0))).date())
    return Say(
        f"Today is {date}." if day is None else f"{day.capitalize()} {'is' if day == 'tomorrow' else 'was'} {date}."
    )


def _name_set(wish: Wish, context: Context) -> Say:
    name = name_in(UserLine(wish.text))
    return Say(f"Nice to meet you, {name}." if name else "Nice to meet you.")


def _name_get(_wish: Wish, context: Context) -> Say:
    name = context.memory.user_name
    if name is None:
        return Say("I do not know your name yet. Tell me: my name is, and then your name.")
    return Say(f"Your name is {name}.")


def _dice(wish: Wish, context: Context) -> Say:
    found = _DICE_COUNT.search(wish.text)
    spoken = found[1] if found is not None else ""
    counts = numbers(wish.words) or ([float(HOMOPHONES[spoken])] if spoken in HOMOPHONES else [])
    count = int(counts[0]) if counts else 2 if "pair" in wish.words else 1
    if not 1 <= count <= MOST_DICE:
        return Say(f"I have one to {MOST_DICE} dice.")
    draw, rolled = context.moment.draw, list[int]()
    for _ in range(count):
        draw, pips = divmod(draw, 6)
        rolled.append(pips + 1)
    if count == 1:
        return Say(f"You rolled a {rolled[0]}.")
    return Say(f"You rolled {', '.join(map(str, rolled[:-1]))} and {rolled[-1]}. That makes {sum(rolled)}.")


def _coin(_wish: Wish, context: Context) -> Say:
    # Another bit than the dice use: they may be asked for together.
    return Say("It is heads." if context.moment.draw >> 48 & 1 else "It is tails.")


def _math(wish: Wish, _context: Context) -> Say:
    found = sums.find(wish.words)
    if found is None or "bracket" in wish.words:
        return Say("I can add, subtract, multiply and divide, without brackets. Try: what is seven plus five?")
    result = found.result()
    return Say("Nobody can divide by zero." if result is None else f"That makes {sums.plain(result)}.")


def _story(_wish: Wish, context: Context) -> Say:
    fresh = [story for story in texts.STORIES if not context.memory.was_said(story)] or list(texts.STORIES)
    return Say(fresh[0], topic=Topic.STORY)


def _joke(_wish: Wish, context: Context) -> Say:
    fresh = [joke for joke in texts.JOKES if not context.memory.was_said(joke)] or list(texts.JOKES)
    return Say(fresh[context.moment.draw % len(fresh)], topic=Topic.JOKE)


def _count(wish: Wish, _context: Context) -> Say:
    said = [min(int(number), MOST_COUNTED) for number in numbers(wish.words)]
    if max(numbers(wish.words), default=0) > MOST_COUNTED or re.search(
        r"\b(?:million|billion|infinity)\b", wish.text
    ):
        return Say(f"I count to {MOST_COUNTED} at most: nobody would listen to more.")
    first, last = (said[0], said[1]) if len(said) > 1 else (1, said[0] if said else 20)
    if re.search(r"\b(?:down|backwards?)\b", wish.text):
        first, last = (max(first, last), min(first, last)) if len(said) > 1 else (last, 1)
    step = 1 if last >= first else -1
    counted = ", ".join(in_words(number) for number in range(first, last + step, step))
    return Say(f"{counted[0].upper()}{counted[1:]}.", topic=Topic.COUNT)


def _stop(_wish: Wish, _context: Context) -> Say:
    return Say(texts.ACKNOWLEDGEMENT, topic=Topic.ACKNOWLEDGEMENT)


def _continue(_wish: Wish, context: Context) -> Say:
    line = context.memory.interrupted
    if line is None:
        return Say("There is nothing left to tell. Shall I tell you a story?")
    return replace(line.said, text=line.unheard, voice=None)


def _again(context: Context) -> Say:
    line = context.memory.last_said(Topic.ACKNOWLEDGEMENT, Topic.NOT_UNDERSTOOD)
    if line is None or not line.said.text.strip():
        return Say("I have not said anything yet.")
    return replace(line.said, voice=None, speed=None)


def _at_pace(context: Context, pace: float) -> Say:
    """The same again at another pace, or what was not heard of it; and all that is said after it."""
    memory = context.memory
    speed = 1.0 if pace == 1.0 else min(max((memory.pace or 1.0) * pace, SLOWEST), FASTEST)
    if memory.interrupted is not None:
        return replace(_continue(Wish(Intent.CONTINUE, ""), context), speed=speed)
    line = memory.last_said(Topic.ACKNOWLEDGEMENT, Topic.NOT_UNDERSTOOD)
    if line is None or len(line.said.text.split()) > LONGEST_REPEATED:
        how = {SLOWER: "slower", FASTER: "faster"}.get(pace, "as usual")
        return Say(f"All right, I speak {how} from now on.", topic=Topic.ACKNOWLEDGEMENT, speed=speed)
    return replace(line.said, voice=None, speed=speed)


def _bye(_wish: Wish, context: Context) -> Say:
    name = context.memory.user_name
    return Say(f"Goodbye{f', {name}' if name else ''}!", topic=Topic.FAREWELL)


def _always(text: str, topic: Topic = Topic.ANSWER) -> Callable[[Wish, Context], Say]:
    return lambda _wish, _context: Say(text, topic=topic)


_ANSWERS: Final[dict[Intent, Callable[[Wish, Context], Say]]] = {
    Intent.ANOTHER: lambda _wish, context: _again(context),
    Intent.BYE: _bye,
    Intent.COIN: _coin,
    Intent.CONTINUE: _continue,
    Intent.COUNT: _count,
    Intent.DATE: _date,
    Intent.DICE: _dice,
    Intent.ECHO: _echo,
    Intent.FASTER: lambda _wish, context: _at_pace(context, FASTER),
    Intent.GREET: _greet,
    Intent.HEAR_ME: _always("Yes, I am here, and I hear you."),
    Intent.HELP: _help,
    Intent.HOW_ARE_YOU: _always("I am fine, thank you. What can I do for you?"),
    Intent.JOKE: _joke,
    Intent.LANGUAGE: lambda wish, _context: languages.asked_in_english(wish),
    Intent.LOUDER: _always("I cannot change how loud I am. Please turn up your speaker."),
    Intent.MATH: _math,
    Intent.NAME_GET: _name_get,
    Intent.NAME_SET: _name_set,
    Intent.NO: _always("All right.", Topic.ACKNOWLEDGEMENT),
    Intent.OKAY: _always(texts.ACKNOWLEDGEMENT, Topic.ACKNOWLEDGEMENT),
    Intent.NORMAL_PACE: lambda _wish, context: _at_pace(context, 1.0),
    Intent.ORDER: ordering.order,
    Intent.ORDER_CANCEL: ordering.cancel,
    Intent.ORDER_STATUS: ordering.status,
    Intent.REPEAT: lambda _wish, context: _again(context),
    Intent.SLOWER: lambda _wish, context: _at_pace(context, SLOWER),
    Intent.STOP: _stop,
    Intent.STORY: _story,
    Intent.THANKS: _always("You are welcome."),
    Intent.TIME: _time,
    Intent.TIMER_CANCEL: services.timer_cancelled,
    Intent.TIMER_QUERY: services.timer_left,
    Intent.TRANSFER: teams.transfer,
    Intent.WEATHER: services.weather,
    Intent.WHO: _who,
    Intent.YES: _always("All right. What can I do for you?"),
}
_PLANS: Final[dict[Intent, Callable[[Wish, Context], Plan]]] = {
    Intent.MAIL: lookups.mail,
    Intent.TIMER_SET: services.timer,
    Intent.TRAIN: lookups.train,
}
"""What takes more than one step."""
