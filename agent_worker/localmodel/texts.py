"""What the brain can tell by heart. Every text here was written for this project."""

from typing import Final

STORY: Final = (
    "Once there was a lighthouse on a small grey island, and in it lived a keeper named Mara. "
    "Every evening she climbed ninety-nine steps and lit the lamp. "
    "Ships passed far out at sea, and not one of them ever stopped. "
    "Then, one autumn night, the lamp went dark. "
    "Mara looked for oil, but the last barrel was empty. "
    "So she carried every candle she owned up the stairs, and set them in the window, one beside the other. "
    "It was a weak light. "
    "Still, a little fishing boat saw it, and turned away from the rocks just in time. "
    "In the morning there was a knock at the door. "
    "The fisherman had brought oil, fresh bread, and his old dog, who did not want to leave again. "
    "Since that day two pairs of feet climb the stairs. "
    "And on clear nights, when the boats come home, they ring their bells to say good evening."
)
"""Between 40 and 50 seconds."""
SECOND_STORY: Final = (
    "A clockmaker in a mountain village had one clock that nobody could repair. "
    "It ran well all day, and every night at three it stopped. "
    "He changed the spring, he changed the wheels, and at last he changed the case. "
    "Still, at three in the morning, it fell silent. "
    "So one night he stayed awake and watched. "
    "At three o'clock a mouse came out of the wall, climbed into the clock, and lay down on the warm brass wheel. "
    "The clock stopped, and the mouse slept. "
    "At six it stretched, climbed down again, and the clock went on. "
    "The clockmaker thought about this for a while. "
    "Then he knitted a very small bed, and put it next to the stove. "
    "The clock has been right ever since. "
    "And the mouse, they say, is never late for breakfast."
)
STORIES: Final = (STORY, SECOND_STORY)

JOKES: Final = (
    "My umbrella wants a holiday. It says it only ever meets people when they are under the weather.",
    "I tried to teach my toaster patience. Now it is on a break, and so is my breakfast.",
    "I am a very good listener. I have to be: I have no legs to walk away with.",
    "My microphone and I had an argument. I say it never listens. It says I put words in its mouth.",
    "I asked the elevator how its day was. It said there were ups and downs, but on the whole it felt moved.",
    "My clock has been promoted. The work is the same, but now it has more hands.",
)

EXAMPLES: Final = (
    "what time is it",
    "tell me a story",
    "roll two dice",
    "what is seven plus five",
    "order a large pizza",
    "how do you say thank you in French",
    "my name is Alice",
)
"""Sentences that the recogniser knows."""

STILL_THERE: Final = "Are you still there?"
NOBODY_THERE: Final = "I hear nobody any more. Goodbye!"
CANCELLED: Final = "Your order is cancelled."
TIMER_OVER: Final = "Your timer is over."
WEATHERS: Final = (
    "sunny with 21 degrees",
    "cloudy with 15 degrees",
    "rainy with 12 degrees",
    "windy with 9 degrees",
    "foggy with 6 degrees",
)
"""Made up, and said to be."""

ACKNOWLEDGEMENT: Final = "Okay."
NO_EARS: Final = (
    "I cannot hear you: there is no speech recogniser on this machine. You can type to me, and I will answer."
)
NOT_UNDERSTOOD: Final = (
    "Sorry, I did not catch that. Could you say it again?",
    "I still did not get it. You can say, for example: what time is it, or: tell me a story.",
    "I am sorry, I do not understand you well today. Shall I connect you to a human?",
)
"""For the first time, the second, and after that."""
NOT_KNOWN: Final = (
    "I do not know how to help with that. Could you say it in another way?",
    "I do not know that either. Try, for example: what time is it, or: tell me a story.",
    "I am a small model and know only a few things. Shall I connect you to a human?",
)
OFFERS: Final = {
    "Shall I connect you to a human?": "connect me to a human",
    "Shall I tell you a story?": "tell me a story",
}
"""What the agent asks, and what the user wants who says yes to it."""
NOBODY_ELSE: Final = "I am sorry, I do not understand that either. Ask me what I can do, or say go back."
"""The third time, when the user was handed over already."""
NO_ALARM: Final = "I keep no alarms for a time of day. Say, for example: set a timer for two minutes."
HOW_LONG: Final = "For how long? Say, for example: set a timer for two minutes."
NO_EYES: Final = "I got your picture, but I cannot see. Tell me what is in it."
NOTHING_TYPED: Final = "Your message was empty. Write to me, for example: what time is it."
SAY_AGAIN: Final = "Sorry, I did not catch that."
"""Before an open question is asked again."""
"""The same for what was typed, where hearing is not the trouble."""
