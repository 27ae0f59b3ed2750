"""What the user wants: words -> intents. Pure; a table, read from top to bottom.

What somebody wants done stands above how politely it is said: "hello, what time is it, please" asks for the time.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from agent_worker.localmodel import sums
from agent_worker.localmodel.phrases import FOOD
from agent_worker.localmodel.words import normal, vocabulary


class Intent(StrEnum):
    """What the user wants."""

    ANOTHER = "another"
    BYE = "bye"
    COIN = "coin"
    CONTINUE = "continue"
    COUNT = "count"
    DATE = "date"
    DICE = "dice"
    ECHO = "echo"
    FASTER = "faster"
    GREET = "greet"
    HEAR_ME = "hear_me"
    HELP = "help"
    HOW_ARE_YOU = "how_are_you"
    JOKE = "joke"
    LANGUAGE = "language"
    LOUDER = "louder"
    MAIL = "mail"
    MATH = "math"
    NAME_GET = "name_get"
    NAME_SET = "name_set"
    NO = "no"
    NORMAL_PACE = "normal_pace"
    OKAY = "okay"
    ORDER = "order"
    ORDER_CANCEL = "order_cancel"
    ORDER_STATUS = "order_status"
    REPEAT = "repeat"
    SLOWER = "slower"
    STOP = "stop"
    STORY = "story"
    THANKS = "thanks"
    TIME = "time"
    TIMER_CANCEL = "timer_cancel"
    TIMER_QUERY = "timer_query"
    TIMER_SET = "timer_set"
    TRAIN = "train"
    TRANSFER = "transfer"
    WEATHER = "weather"
    WHO = "who"
    YES = "yes"


@dataclass(frozen=True, slots=True)
class Wish:
    """One thing that the user wants, and the words in which they said it."""

    intent: Intent
    text: str
    before: str = ""
    """The wish that this one corrects or goes on with: what is not said now holds from it."""

    @property
    def words(self) -> list[str]:
        """The normal words, one by one."""
        return self.text.split()


NAMES: Final = vocabulary(
    "alice anna alex adam amy andrew anthony barbara ben bill bob brian carol charles charlie chris "
    "christine claire daniel david diana donald dorothy edward elizabeth emily emma eric eva frank fred "
    "george grace hannah harry helen henry jack james jane jason jennifer jessica jim joe john jonathan "
    "joseph julia karen kate kevin laura leo linda lisa louis lucy maria mark martin mary matthew max "
    "michael mike nancy nicholas nick nina oliver oscar patricia paul peter philip rachel rebecca richard "
    "robert ryan sam samantha sarah simon sophia stephen steve susan thomas tim tom victor william"
)
"""Names that are believed after a mere "I am": anything else may be a mood."""

_A_MOMENT = r"(?:second|minute|moment|bit)"
_TEAM = (
    r"(?:billing|sales|support|operator|human|agent|person|someone|somebody|customer service|technical support|"
    r"representative|real person|human being|manager)"
)
_LANGUAGES = r"(?:french|spanish|german|italian|dutch|portuguese|russian|polish|chinese|japanese|hindi|swedish)"
_ONE_OF = r"(?:a|another|the|that|one more|more|any|some|your|tell|read|good|funny) "
_ME_NAME = r"(?:i am|this is)"

_TABLE: Final[tuple[tuple[Intent, str], ...]] = (
    (
        Intent.STOP,
        r"^(?:(?:no|okay|please|oh|hey|yes) )*"
        r"(?:stop|wait|hold on|hang on|never mind|forget (?:it|that|about it|about that)|be quiet|quiet|shut up|"
        rf"that is enough|enough|pause|silence|cancel|one {_A_MOMENT}|just a {_A_MOMENT}|give me a {_A_MOMENT}|"
        r"let me (?:finish|speak|talk|think)|i was not done|not now)"
        r"(?: (?:it|that|this|talking|speaking|reading|counting|please|now|stop|wait|there|just|for|a|"
        rf"{_A_MOMENT}))*$",
    ),
    (Intent.ECHO, r"^(?:please )?repeat after me \w"),
    (
        Intent.CONTINUE,
        r"^(?:(?:yes|okay|please|no) )*(?:can you |could you |would you )?(?:please )?"
        r"(?:continue|go on|go ahead|keep going|carry on|resume|and then|what happened (?:next|then)|go back to it)"
        r"(?: (?:please|then|now|with|the|your|that|it|story|joke|counting|telling|reading|speaking))*$",
    ),
    (
        Intent.REPEAT,
        r"^(?:(?:can|could|would|will) you )?(?:please )?(?:repeat(?: that| it| this)?|say (?:that|it) again|again|"
        r"once more|pardon(?: me)?|sorry|excuse me|what did you (?:just )?say|come again|what)"
        r"(?: (?:please|again|once more))*$|^i did not (?:hear|understand|catch|get)(?: (?:that|it|you))?$",
    ),
    (Intent.ANOTHER, r"^(?:(?:tell me|roll|flip) )?(?:another|one more|(?:it |them )?again)(?: one)?(?: please)?$"),
    (Intent.NORMAL_PACE, r"\b(?:normal|usual|regular) (?:speed|pace)\b|\b(?:talk|speak) normal(?:ly)?\b"),
    (Intent.SLOWER, r"\b(?:slower|slow down|slowly)\b"),
    (Intent.FASTER, r"\b(?:faster|quicker|speed up)\b"),
    (Intent.LOUDER, r"\b(?:louder|speak up|talk up|volume)\b"),
    (
        Intent.TRANSFER,
        r"\b(?:transfer|connect me|put me through)\b|\b(?:talk|speak) (?:to|with) (?!you\b|me\b|it\b)\w+|"
        rf"^{_TEAM}(?: please)?$|\b(?:get|give|find) me (?:a |an |the )?{_TEAM}\b|"
        r"^(?:back to the assistant|go back)$",
    ),
    (Intent.ORDER_CANCEL, r"\bcancel\b.*\border\b"),
    (Intent.TIMER_CANCEL, r"\b(?:cancel|stop|delete|clear|turn off|end)\b.*\b(?:timers?|alarms?)\b"),
    (Intent.TIMER_QUERY, r"\bhow (?:much|long|many)\b.*\b(?:left|longer|remain\w*)\b|\bis (?:the|my) timer\b"),
    (Intent.TIMER_SET, r"\b(?:timers?|alarms?)\b|\b(?:wake|remind) me\b"),
    (
        Intent.ORDER_STATUS,
        r"\bwhere\b.*\border\b|\bstatus\b.*\border\b|\border\b.*\b(?:status|number)\b|\bcheck\b.*\border\b|"
        r"\bwhen will\b.*\border\b|\bis (?:my|the|our) order\b|\bwhat did i order\b|\btrack\b.*\border\b",
    ),
    (
        Intent.LANGUAGE,
        rf"\b(?:in|into|to|speak|talk|know|understand|learn) {_LANGUAGES}\b|^(?:{_LANGUAGES})(?: please)?$|"
        rf"\b{_LANGUAGES} (?:word )?for\b",
    ),
    (Intent.STORY, rf"\b{_ONE_OF}(?:\w+ )?(?:story|stories|fairy tale)\b|^(?:story|stories)(?: please)?$"),
    (Intent.JOKE, rf"\b{_ONE_OF}(?:\w+ )?jokes?\b|^jokes?(?: please)?$|\bmake me laugh\b|\bsomething funny\b"),
    (Intent.COUNT, r"\bcount\b"),
    (
        Intent.DICE,
        r"\b(?:roll|throw|toss)\b.*\b(?:dice|die|dies|them)\b|^(?:\w+ )?(?:dice|die)(?: please)?$|\bpair of dice\b",
    ),
    (Intent.COIN, r"\bcoin\b|\bheads or tails\b"),
    (
        Intent.NAME_GET,
        r"\bwhat is my name\b|\bwho am i\b|\bdo you (?:still )?(?:know|remember) (?:me|my name)\b|"
        r"\bwhat am i called\b|\b(?:tell me|say) my name\b",
    ),
    (Intent.NAME_SET, r"\b(?:my name is|i am called|they call me|people call me|(?<!do not )call me) \w"),
    (Intent.NAME_SET, rf"^(?:(?:hello|hi|hey) )?{_ME_NAME} (?:{'|'.join(sorted(NAMES))})$"),
    (
        Intent.TIME,
        r"\bwhat time\b|\btime (?:is it|it is)\b|\bwhat is the (?:current )?time\b|\b(?:me|know|have|got) the time\b|"
        r"\bcurrent time\b|^(?:the )?time(?: please)?$",
    ),
    (
        Intent.DATE,
        r"\b(?:what|which) (?:day|date|year|month)\b|\b(?:tomorrow|yesterday) date\b|"
        r"\btoday date\b|\b(?:what is|me|know) the date\b|\bwhat is today\b|"
        r"^(?:the )?date(?: please)?$",
    ),
    (
        Intent.WEATHER,
        r"\b(?:weather|forecast|umbrella)\b|\b(?:will|is) it (?:going to )?(?:be )?"
        r"(?:rain|snow|sunny|cold|warm|hot|raining|snowing|windy)",
    ),
    (
        Intent.TRAIN,
        r"\b(?:next|first|last|a|the|any|look up|check|find|when) (?:\w+ )?trains?\b|\btrains? (?:to|from|times?)\b|"
        r"\bby train\b",
    ),
    (
        Intent.MAIL,
        r"\b(?:check|read|open|get|any|new|my|have|have i got) (?:\w+ )?"
        r"(?:e-?mails?|mails?|mailbox|messages?|inbox)\b",
    ),
    (
        Intent.ORDER,
        r"^(?!what can|what could|which).*\border\b|"
        r"\b(?:want|would like|will (?:have|take)|can i (?:get|have)|could i (?:get|have)|may i have|"
        rf"give me|get me|bring me|need)\b.*\b(?:{FOOD})\b|^(?:\w+ ){{0,3}}(?:{FOOD})"
        r"(?: (?:with|and|plus|a|an|some|one|two|three|four|five|six|\d+) .*)?(?: please)?$",
    ),
    (
        Intent.HELP,
        r"\bhelp(?! .*\b(?:bill|invoice|problem|refund)\b)\b|\bwhat can (?:you|i) (?:do|say|ask)\b|"
        r"\bwhat (?:do you|are you able to) do\b|"
        r"\bhow (?:does this|do you) work\b|\bwhat else can\b",
    ),
    (Intent.WHO, r"\bwho are you\b|\bwhat are you\b|\byour name\b"),
    (Intent.HOW_ARE_YOU, r"\bhow are you\b|\bhow is it going\b|\bhow do you do\b"),
    (
        Intent.HEAR_ME,
        r"\bcan you hear me\b|\bare you listening\b|\b(?:anybody|anyone|somebody) (?:there|here)\b|"
        r"\bare you (?:still )?there\b|\bdo you hear me\b",
    ),
    (
        Intent.BYE,
        r"\b(?:goodbye|bye|see you|good night|hang up|end the call)\b|^that is (?:all|it)(?: for (?:now|today))?\b",
    ),
    (Intent.NO, r"^(?:no|nope|nah)(?: (?:thank you|thanks|no|please|that is wrong))*$|^that is wrong$"),
    (
        Intent.YES,
        r"^(?:yes|yeah|yep|yup|sure|correct|exactly|of course|please|yes please|please do)"
        r"(?: (?:yes|please|sure|that is right|thank you|thanks|do|it is|i do))*$|^that is (?:right|correct)$",
    ),
    (Intent.THANKS, r"\b(?:thank you|thanks|thank)\b"),
    (Intent.GREET, r"\b(?:hello|hi|hey|good (?:morning|afternoon|evening)|nice to meet you)\b"),
    (
        Intent.OKAY,
        r"^(?:oh |uh )?(?:okay|right|uh-huh|mm-hm|mhm|hmm|mm|oh|i see|all right|alright|great|good|very good|fine|"
        r"cool|nice|really|wow|well|so|um|uh|and|maybe|i do not know|you are welcome|that is (?:good|great|fine))$",
    ),
)
_AGREED: Final = re.compile(
    r"(?:oh |uh )?(?:okay|right|uh-huh|mm-hm|mhm|all right|alright|great|good|very good|fine|cool|nice|"
    r"that is (?:good|great|fine))"
)
"""What is an answer after a question, and no more than a nod elsewhere."""
_SOUNDS_LIKE: Final = {
    Intent.YES: vocabulary("us yet guess years yea jess this"),
    Intent.NO: vocabulary("know now note dough low"),
}
"""What a recogniser makes of a yes and a no that it did not get."""
_COMPILED: Final = tuple((intent, re.compile(pattern)) for intent, pattern in _TABLE)
_LEAD: Final = re.compile(r"^(?:(?:um|uh|er|ah|hmm|so|well|oh|okay so|actually|and|now|just|then|but)\s)+(?=\S)")
_APART: Final = frozenset(
    {
        Intent.COIN,
        Intent.COUNT,
        Intent.DATE,
        Intent.DICE,
        Intent.JOKE,
        Intent.STORY,
        Intent.TIME,
        Intent.TIMER_CANCEL,
        Intent.TIMER_SET,
        Intent.TRAIN,
        Intent.WEATHER,
    }
)
"""What can be wished for two at a time, with "and" between."""
_OPENINGS: Final = frozenset({Intent.NAME_SET})
"""What people say in front of what they want."""
PASSING: Final = frozenset(
    {
        Intent.ANOTHER,
        Intent.CONTINUE,
        Intent.FASTER,
        Intent.GREET,
        Intent.LOUDER,
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
"""About the conversation itself: what was wanted before still is what it is about."""


def understand(text: str) -> tuple[Wish, ...]:
    """What somebody who said or typed this wants, in order; nothing when it is not known."""
    words = normal(text)
    return _understand(words) or _understand(_LEAD.sub("", words))


def _understand(words: str) -> tuple[Wish, ...]:
    first, _, rest = words.partition(" and ")
    opening = _understand_one(first) if rest else None
    if opening is not None and opening.intent in _OPENINGS:
        return (opening, *_understand(rest))
    parts = [_understand_one(part) for part in re.split(r"\band (?:also |then )?", words) if part.strip()]
    if len(parts) > 1 and all(part is not None and part.intent in _APART for part in parts):
        return tuple(part for part in parts if part is not None)
    whole = _understand_one(words)
    return (whole,) if whole is not None else ()


def _understand_one(words: str) -> Wish | None:
    words = words.strip()
    for intent, pattern in _COMPILED:
        if pattern.search(words):
            return Wish(intent, words)
    return Wish(Intent.MATH, words) if sums.find(words.split()) is not None else None


def yes_or_no(text: str) -> tuple[Wish, ...]:
    """What a word must have been that was heard as an answer to a question for yes or no, and means nothing else."""
    words = normal(text)
    return tuple(Wish(intent, words) for intent, sounds in _SOUNDS_LIKE.items() if words in sounds)


def agrees(wishes: Sequence[Wish]) -> bool:
    """Whether this says yes to a question."""
    return bool(wishes) and all(
        wish.intent is Intent.YES or (wish.intent is Intent.OKAY and _AGREED.fullmatch(wish.text)) for wish in wishes
    )


def refuses(wishes: Sequence[Wish]) -> bool:
    """Whether this says no to a question, and no more than that."""
    return bool(wishes) and all(wish.intent is Intent.NO for wish in wishes)
