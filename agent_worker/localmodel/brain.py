"""What to answer: a situation and a moment in, a plan out. Pure.

A small dialogue system, not a language model: it understands what `intents` lists, remembers what the conversation
says, uses the client's tools where one fits, and says so when it does not understand.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from agent_worker.localmodel import (
    answers,
    filling,
    followups,
    languages,
    ordering,
    outputs,
    requested,
    smalltalk,
    teams,
    texts,
    toolfit,
)
from agent_worker.localmodel.context import Context
from agent_worker.localmodel.dialogue import Call, Moment, Plan, Question, Say, Situation, Step, Topic, UserLine
from agent_worker.localmodel.filling import Said
from agent_worker.localmodel.intents import Intent, Wish, agrees, understand, yes_or_no
from agent_worker.localmodel.memory import Memory
from agent_worker.localmodel.words import normal
from agent_worker.tools.spec import ToolSpec

_OWN: Final = frozenset({Intent.TIME, Intent.DATE, Intent.DICE, Intent.COIN, Intent.MATH, Intent.STORY, Intent.JOKE})
"""What the brain can answer as well, when there is no tool for it or the tool wants to know more than was said."""
_TALK: Final = frozenset(
    {
        Intent.ANOTHER,
        Intent.BYE,
        Intent.CONTINUE,
        Intent.ECHO,
        Intent.FASTER,
        Intent.GREET,
        Intent.LANGUAGE,
        Intent.LOUDER,
        Intent.NAME_GET,
        Intent.NAME_SET,
        Intent.NO,
        Intent.NORMAL_PACE,
        Intent.OKAY,
        Intent.REPEAT,
        Intent.SLOWER,
        Intent.STOP,
        Intent.THANKS,
        Intent.YES,
    }
)
"""What is about the conversation itself: no tool is looked for."""
_NO_ANSWER: Final = _TALK - {Intent.YES, Intent.NO, Intent.OKAY} | {Intent.HELP, Intent.STORY, Intent.JOKE}
"""Said after a question, these change the topic: they do not answer it."""


def reply(situation: Situation, moment: Moment) -> Plan:
    """What to answer.

    Args:
        situation: What was said and what can be used.
        moment: The time of day, and chance.

    """
    context = Context(situation=situation, memory=Memory(situation.history), moment=moment)
    voice = teams.voice(context)
    return tuple(_sounding(step, voice, context.memory.pace) for step in _to_all(context))


def _to_all(context: Context) -> Plan:
    """The answer; where several people have spoken, one to each by name."""
    speakers = context.memory.speakers
    if context.memory.outputs or not speakers:
        return _named(_forced(_plan(context), context), " and ".join(speakers))
    steps: list[Step] = []
    for speaker in speakers:
        history = context.memory.as_of(speaker)
        theirs = replace(context, situation=replace(context.situation, history=history), memory=Memory(history))
        steps += _named(_forced(_plan(theirs), theirs), speaker)
    return _joined(steps)


def _named(plan: Plan, names: str) -> Plan:
    """The same, said to somebody by name."""
    steps = list(plan)
    first = next((number for number, step in enumerate(steps) if isinstance(step, Say)), None)
    if names and first is not None:
        step = steps[first]
        assert isinstance(step, Say)
        steps[first] = replace(step, text=f"{names}: {step.text}")
    return tuple(steps)


def _sounding(step: Step, voice: str | None, pace: float | None) -> Step:
    """The same in the voice of whoever the user is talking to, and at the pace that the user asked for."""
    if not isinstance(step, Say):
        return step
    return replace(step, voice=step.voice or voice, speed=pace if step.speed is None else step.speed)


def _plan(context: Context) -> Plan:
    situation, memory = context.situation, context.memory
    dictated = requested.wanted(situation.request)
    if dictated is not None:
        return (dictated,)
    if situation.request is not None and requested.asks_to_greet(situation.request):
        return (answers.greeting(context),)
    if memory.outputs:
        return (Say(_about_outputs(memory)),)
    line = memory.unanswered
    if line is not None:
        return _into_silence(context) if line.silent else _answer(line, context)
    if memory.told is not None and (told := _obey(memory.told, context)) is not None:
        return told
    if not memory.has_user_spoken:
        return (answers.greeting(context),)
    return (Say("What would you like me to do?"),)


def _into_silence(context: Context) -> Plan:
    """Nobody has said anything for long: ask, and the second time hang up if the client has a tool for that."""
    if not context.memory.silences:
        return (Say(texts.STILL_THERE, topic=Topic.SILENCE),)
    hang_up = toolfit.tool_for(Intent.BYE, _tools(context))
    said = Say(texts.NOBODY_THERE, topic=Topic.SILENCE)
    return (said,) if hang_up is None else (said, Call(hang_up.name, {}))


def _obey(told: str, context: Context) -> Plan | None:
    """What the application's own words ask for; None when they are to be known and not to be answered."""
    dictated = requested.wanted(told)
    if dictated is not None:
        return (dictated,)
    if requested.asks_to_greet(told):
        return (answers.greeting(context),)
    return _answer(UserLine(told, typed=True), context) if understand(told) else None


def _about_outputs(memory: Memory) -> str:
    said = [
        outputs.spoken(output.output, toolfit.intent_of(call.name) if call is not None else None)
        for call, output in memory.outputs
    ]
    return " ".join(said)


def _answer(line: UserLine, context: Context) -> Plan:
    wishes = understand(line.text)
    if all(wish.intent is Intent.ORDER for wish in wishes) and (foreign := _foreign(line, context)) is not None:
        return (foreign,)
    answered = _resumed(line, wishes, context) or _answered(line, wishes, context)
    if answered is not None:
        return answered
    if not wishes and context.memory.before_unanswered:
        wishes = understand(f"{context.memory.before_unanswered} {line.text}")
    wishes = wishes or followups.found(line.text, context.memory)
    if not wishes:
        return _unknown(line, context)
    return _joined([step for wish in wishes for step in _fulfil(followups.redone(wish, context.memory), context)])


def _resumed(line: UserLine, wishes: Sequence[Wish], context: Context) -> Plan | None:
    """A nod or a noise in the middle of what the agent tells is no interruption: it goes on."""
    if line.typed or not context.memory.was_cut_off or not context.situation.hears:
        return None
    is_nod = bool(wishes) and all(wish.intent is Intent.OKAY for wish in wishes)
    if not is_nod and line.text.strip():
        return None
    return answers.answer(Wish(Intent.CONTINUE, ""), context)


def _answered(line: UserLine, wishes: Sequence[Wish], context: Context) -> Plan | None:
    """What follows from an answer to what the agent asked; None when it did not ask, or this is no answer."""
    memory = context.memory
    if memory.question is not None and not any(wish.intent in _NO_ANSWER for wish in wishes):
        return _answer_to(memory.question, _said(line.text, context), context, free=not wishes)
    offered = next((wanted for offer, wanted in texts.OFFERS.items() if offer in memory.said_last), None)
    if not line.typed and (offered is not None or ordering.is_open(memory.said_last)):
        wishes = wishes or yes_or_no(line.text)
    if offered is not None and agrees(wishes):
        return _joined([step for wish in understand(offered) for step in _fulfil(wish, context)])
    ordered = ordering.answered(memory.said_last, line.text, wishes, context)
    return (ordered,) if ordered is not None else None


def _foreign(line: UserLine, context: Context) -> Say | None:
    """The answer to another language than English, unless it answers a question: "La Paz" is a city."""
    if context.memory.question is not None:
        return None
    return languages.foreign(line.text, context.moment.wall) or languages.lost(line.text)


def _unknown(line: UserLine, context: Context) -> Plan:
    """What was said is none of the wishes: a tool of that name, another language, or not understood."""
    said = _said(line.text, context)
    tool = toolfit.named_tool(said.words, _tools(context)) if said.words else None
    if tool is not None:
        return _call(tool, said)
    is_asked = context.memory.question is not None or ordering.is_open(context.memory.said_last)
    chat = None if is_asked else smalltalk.answer(line, context)
    return (chat or _not_understood(line, context),)


def _fulfil(wish: Wish, context: Context) -> Plan:
    if wish.intent in _TALK:
        return answers.answer(wish, context)
    said = _said(wish.text, context)
    tools = _tools(context)
    tool = toolfit.tool_for(wish.intent, tools)
    if tool is None and wish.intent not in _OWN:
        tool = toolfit.named_tool(said.words, tools)
    if tool is None or (wish.intent in _OWN and filling.fill(tool, said).missing):
        return answers.answer(wish, context)
    return _call(tool, said, _said(wish.before, context) if wish.before else None)


def _call(tool: ToolSpec, said: Said, before: Said | None = None) -> Plan:
    """The call, or the question for what it lacks. What was said before holds where nothing else is said now."""
    arguments = dict(filling.fill(tool, before).arguments) if before is not None else {}
    arguments.update(filling.fill(tool, said).arguments)
    missing = [name for name in filling.required_of(tool) if name not in arguments]
    return (_question(tool, arguments, missing[0]),) if missing else (Call(tool.name, arguments),)


def _question(tool: ToolSpec, arguments: dict[str, Any], wanted: str) -> Say:
    asks = Question(tool=tool.name, arguments=arguments, wanted=wanted)
    return Say(filling.question(tool, wanted), topic=Topic.QUESTION, asks=asks)


def _answer_to(question: Question, said: Said, context: Context, *, free: bool) -> Plan | None:
    """The call that was waiting for this answer, or the next question; None when it is no answer."""
    tool = next((tool for tool in _tools(context) if tool.name == question.tool), None)
    if tool is None:
        return None
    value = filling.answer(tool, question.wanted, said, free=free)
    if value is None:
        return None
    arguments = {**filling.fill(tool, said).arguments, **question.arguments, question.wanted: value}
    missing = [name for name in filling.required_of(tool) if name not in arguments]
    return (_question(tool, arguments, missing[0]),) if missing else (Call(tool.name, arguments),)


def _not_understood(line: UserLine, context: Context) -> Say:
    if not context.situation.hears and not line.typed:
        return Say(texts.NO_EARS, topic=Topic.NOT_UNDERSTOOD)
    if not line.text.strip() and (line.shown or line.typed):
        return Say(texts.NO_EYES if line.shown else texts.NOTHING_TYPED, topic=Topic.NOT_UNDERSTOOD)
    misses = context.memory.misses
    question = context.memory.question
    tool = next((tool for tool in _tools(context) if question is not None and tool.name == question.tool), None)
    if question is not None and tool is not None and misses < len(texts.NOT_UNDERSTOOD) - 1:
        asked = _question(tool, dict(question.arguments), question.wanted)
        return replace(asked, text=f"{texts.SAY_AGAIN} {asked.text}", topic=Topic.NOT_UNDERSTOOD)
    if ordering.is_open(context.memory.said_last) and misses < len(texts.NOT_UNDERSTOOD) - 1:
        asked = ordering.again(context.memory.said_last)
        return replace(asked, text=f"{texts.SAY_AGAIN} {asked.text}", topic=Topic.NOT_UNDERSTOOD)
    sentences = texts.NOT_KNOWN if line.typed else texts.NOT_UNDERSTOOD
    if misses >= len(sentences) - 1 and teams.speaking(context.memory) is not None:
        return Say(texts.NOBODY_ELSE, topic=Topic.NOT_UNDERSTOOD)
    return Say(sentences[min(misses, len(sentences) - 1)], topic=Topic.NOT_UNDERSTOOD)


def _joined(steps: list[Step]) -> Plan:
    """Sentences that follow each other are one message."""
    joined: list[Step] = []
    for step in steps:
        before = joined[-1] if joined else None
        if isinstance(step, Say) and isinstance(before, Say) and step.language == before.language:
            joined[-1] = replace(step, text=f"{before.text} {step.text}")
        else:
            joined.append(step)
    return tuple(joined)


def _forced(plan: Plan, context: Context) -> Plan:
    """The plan, unless the client insists on a tool."""
    choice = context.situation.tool_choice
    if choice in ("auto", "none") or any(isinstance(step, Call) for step in plan):
        return plan
    line = context.memory.unanswered
    said = _said(line.text if line is not None else "", context)
    named = [tool for tool in context.situation.tools if tool.name == choice]
    if named:
        return _call(named[0], said)
    fitting = [tool for tool in context.situation.tools if not filling.fill(tool, said).missing]
    return _call(fitting[0], said) if choice == "required" and fitting else plan


def _tools(context: Context) -> tuple[ToolSpec, ...]:
    return () if context.situation.tool_choice == "none" else context.situation.tools


def _said(text: str, context: Context) -> Said:
    return Said(words=tuple(normal(text).split()), name=context.memory.user_name)
