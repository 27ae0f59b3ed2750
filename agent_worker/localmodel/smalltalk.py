"""What people say to a machine to see what it does: sentence -> an answer, where no wish was understood. Pure.

A table, read from top to bottom; the first that fits answers. It admits what it is: nothing here knows the world.
"""

import re
from collections.abc import Callable
from typing import Final

from agent_worker.localmodel.context import Context
from agent_worker.localmodel.dialogue import Say, UserLine
from agent_worker.localmodel.words import normal

LONGEST_SAID_AFTER: Final = 30
"""Words that are said after somebody."""
LONGEST_SPELLED: Final = 30
"""Letters."""

_MACHINE: Final = (
    "I am a small program with a table of phrases: no person, no language model, and no cloud. Say help, to hear "
    "what I can do."
)
_WORLD: Final = "I know nothing about the world out there: I run on this machine, without the internet."
_SUMS: Final = "I can add, subtract, multiply, divide and take percent. Try: what is ten percent of fifty?"
_MENU: Final = (
    "A pizza, a coffee, a salad, or whatever you like: I only pretend. Say, for example: order a large pizza."
)

_TABLE: Final[tuple[tuple[str, str], ...]] = (
    (r"\bare you (?:a |an )?(?:real|robot|bot|human|person|machine|computer|alive|ai|program)\b", _MACHINE),
    (r"\b(?:chat ?gpt|openai|claude|gemini|siri|alexa|google|language model|what model)\b", _MACHINE),
    (r"\babout yourself\b|\bhow old are you\b|\bwho made you\b|\bwhere (?:are|do) you\b", _MACHINE),
    (r"\bdo you (?:love|like|hate|feel|sleep|eat|dream)\b|\byour favou?rite\b", "I feel nothing, I only answer."),
    (r"\byou are (?:so |very |really )?(?:stupid|dumb|useless|bad|an idiot|wrong|boring)\b|\bi hate you\b",
     "I am sorry. I am only a small program. Say help, to hear what I can do."),
    (r"\byou are (?:so |very |really )?(?:nice|great|good|cool|funny|smart|clever|sweet|amazing|awesome)\b",
     "Thank you."),
    (r"^(?:i love you|well done|good job|good bot|bravo|awesome|perfect|excellent|amazing)\b", "Thank you."),
    (r"\bi am (?:so |very |really |a bit )?(?:sad|tired|lonely|unhappy|stressed|angry|sick|ill)\b",
     "I am sorry to hear that. Would a story or a joke help? Ask me for one."),
    (r"\bi am (?:so |very |really )?bored\b|\bsomething (?:interesting|nice)\b|\btell me (?:something|anything)\b",
     "Ask me for a story, a joke, or a word in French."),
    (r"\bi am (?:so |very |really )?(?:hungry|thirsty)\b", f"I can take an order. {_MENU}"),
    (r"\bmenu\b|\bwhat .*\b(?:can|could) i (?:order|eat|drink|have)\b|\bdo you (?:have|sell|serve)\b", _MENU),
    (r"\bhow much (?:is|are|does|do|for)\b|\bcosts?\b|\bprices?\b", "Nothing: I only pretend to take orders."),
    (r"\b(?:problem|trouble|complain|complaint|issue|broken|not work|is down|bill|invoice|refund)\b",
     "I cannot help with that myself. Shall I connect you to a human?"),
    (r"\b(?:sing|song|music|radio)\b", "I cannot sing or play music. I can tell you a story or a joke."),
    (r"\bmeaning of life\b", "Somebody wrote that it is 42. I can only check the sum."),
    (r"\b(?:square root|power of|squared|cubed|logarithm|sine|cosine|factorial)\b", _SUMS),
    (r"\b(?:light|lights|door|lamp|heating|television|tv|phone|call|book|buy|write|send|play|open|turn (?:on|off))\b",
     "I have no tool for that here. Say help, to hear what I can do."),
    (r"\bwhat is up\b|\bwhat are you doing\b", "Not much: I am waiting for you to ask me something."),
    (r"^(?:lol|ha ?ha(?: ?ha)*|hehe|rofl|funny|that (?:is|was) funny)$", "I am glad that you liked it."),
    (r"^(?:test|testing|check)\b|^one two three$", "I hear you loud and clear."),
    (r"^(?:why|how|when|where|who|which)(?: not| so| come)?$",
     "That I cannot explain: I answer whole sentences, and forget their reasons. Say help, to hear some."),
    (r"\bforget (?:my name|me|everything|all)\b",
     "I remember this conversation and nothing else; it is forgotten when you leave."),
)  # fmt: skip
_TYPED: Final[tuple[tuple[str, str], ...]] = (
    (r"^(?:who|what|which|when|where|why|how)\b.*\b(?:is|are|was|were|did|does|do|far|many|tall|big|much)\b", _WORLD),
    (r"^(?:do|did|does|is|are|can|could|will|would|should|have|has) \w+ ", "I do not know. " + _WORLD),
)  # fmt: skip
"""Questions of any kind, in what was typed: of what was heard as one, half is noise."""
_COMPILED: Final = tuple((re.compile(pattern), answer) for pattern, answer in _TABLE)
_COMPILED_TYPED: Final = tuple((re.compile(pattern), answer) for pattern, answer in _TYPED)
_SAY: Final = re.compile(r"\b(?:say|repeat after me|repeat)\b[\s:,]+[\"“']?(.+?)[\"”']?$", re.IGNORECASE | re.DOTALL)
_NOTHING_TO_SAY: Final = frozenset({"", "that", "it", "this", "so", "what", "something", "anything", "again"})
_SPELL: Final = re.compile(r"\bspell (?:the word |the name )?([^\W\d_]+)$")
_WHAT_I_SAID: Final = re.compile(r"\bwhat did i (?:just )?(?:say|ask)\b|\bwhat was my (?:last )?question\b")


def answer(line: UserLine, context: Context) -> Say | None:
    """An answer to a sentence that is no wish; None when there is nothing to say to it."""
    words = normal(line.text)
    for find in _FINDERS:
        text = find(words, line, context)
        if text is not None:
            return Say(text)
    table = (*_COMPILED, *_COMPILED_TYPED) if line.typed else _COMPILED
    return next((Say(text) for pattern, text in table if pattern.search(words)), None)


def _said_after(words: str, line: UserLine, _context: Context) -> str | None:
    """What follows "say" or "repeat after me"."""
    found = _SAY.search(line.text[:400].strip())
    if found is None or len(found[1].split()) > LONGEST_SAID_AFTER or normal(found[1]) in _NOTHING_TO_SAY:
        return None
    # In the middle of what was heard "say" may be anything.
    if not line.typed and not words.startswith(("say ", "please say ", "can you say ")):
        return None
    said = found[1].strip()
    return f"{said[:1].upper()}{said[1:]}" if said[-1] in ".!?" else f"{said[:1].upper()}{said[1:]}."


def _spelled(words: str, _line: UserLine, _context: Context) -> str | None:
    found = _SPELL.search(words)
    if found is None or len(found[1]) > LONGEST_SPELLED:
        return None
    return f"{', '.join(found[1].upper())}."


def _said_before(words: str, _line: UserLine, context: Context) -> str | None:
    if _WHAT_I_SAID.search(words) is None:
        return None
    before = context.memory.heard_before
    return f"You said: {before}" if before else "You have not said anything else yet."


_FINDERS: Final[tuple[Callable[[str, UserLine, Context], str | None], ...]] = (_said_after, _spelled, _said_before)
