"""What to answer: a situation and a moment in, a plan out. Pure.

A small dialogue system, not a language model: it understands what `intents` lists, remembers what the conversation
says, uses the client's tools where one fits, and says so when it does not understand.
"""

from dataclasses import replace
from typing import Any, Final

from agent_worker.localmodel import answers, filling, outputs, requested, texts, toolfit
from agent_worker.localmodel.context import Context
from agent_worker.localmodel.dialogue import Call, Moment, Plan, Question, Say, Situation, Step, Topic, UserLine
from agent_worker.localmodel.filling import Said
from agent_worker.localmodel.intents import Intent, Wish, understand
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
        Intent.FASTER,
        Intent.GREET,
        Intent.NAME_GET,
        Intent.NAME_SET,
        Intent.NO,
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
    return tuple(_voiced(step, context.memory.speaker) for step in _to_all(context))


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


def _voiced(step: Step, speaker: str | None) -> Step:
    """The same in the voice of whoever the user is talking to."""
    if speaker is None or not isinstance(step, Say) or step.topic is Topic.HANDOFF:
        return step
    return replace(step, voice=speaker)


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
    said = _said(line.text, context)
    wishes = understand(line.text)
    if context.memory.question is not None and not any(wish.intent in _NO_ANSWER for wish in wishes):
        answered = _answer_to(context.memory.question, said, context)
        if answered is not None:
            return answered
    if not wishes and context.memory.before_unanswered:
        whole = f"{context.memory.before_unanswered} {line.text}"
        wishes, said = understand(whole), _said(whole, context)
    if not wishes:
        tool = toolfit.named_tool(said.words, _tools(context)) if said.words else None
        return _call(tool, said) if tool is not None else (_not_understood(line, context),)
    steps = [step for wish in wishes for step in _fulfil(wish, context)]
    return _joined(steps)


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
    return _call(tool, said)


def _call(tool: ToolSpec, said: Said) -> Plan:
    filled = filling.fill(tool, said)
    if not filled.missing:
        return (Call(tool.name, filled.arguments),)
    return (_question(tool, dict(filled.arguments), filled.missing[0]),)


def _question(tool: ToolSpec, arguments: dict[str, Any], wanted: str) -> Say:
    asks = Question(tool=tool.name, arguments=arguments, wanted=wanted)
    return Say(filling.question(tool, wanted), topic=Topic.QUESTION, asks=asks)


def _answer_to(question: Question, said: Said, context: Context) -> Plan | None:
    """The call that was waiting for this answer, or the next question; None when it is no answer."""
    tool = next((tool for tool in _tools(context) if tool.name == question.tool), None)
    if tool is None:
        return None
    value = filling.answer(tool, question.wanted, said)
    if value is None:
        return None
    arguments = {**filling.fill(tool, said).arguments, **question.arguments, question.wanted: value}
    missing = [name for name in filling.required_of(tool) if name not in arguments]
    return (_question(tool, arguments, missing[0]),) if missing else (Call(tool.name, arguments),)


def _not_understood(line: UserLine, context: Context) -> Say:
    if not context.situation.hears and not line.typed:
        return Say(texts.NO_EARS, topic=Topic.NOT_UNDERSTOOD)
    sentences = texts.NOT_KNOWN if line.typed else texts.NOT_UNDERSTOOD
    return Say(sentences[min(context.memory.misses, len(sentences) - 1)], topic=Topic.NOT_UNDERSTOOD)


def _joined(steps: list[Step]) -> Plan:
    """Sentences that follow each other are one message."""
    joined: list[Step] = []
    for step in steps:
        before = joined[-1] if joined else None
        if isinstance(step, Say) and isinstance(before, Say):
            joined[-1] = Say(f"{before.text} {step.text}", topic=step.topic, asks=step.asks, voice=step.voice)
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
