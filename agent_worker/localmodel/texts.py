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
    "count to twenty",
    "tell me a joke",
    "roll two dice",
    "what is seven plus five",
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
    "I am sorry, I do not understand you well today. You can also type to me.",
)
"""For the first time, the second, and after that."""
NOT_KNOWN: Final = (
    "I do not know how to help with that. Could you say it in another way?",
    "I do not know that either. Try, for example: what time is it, or: tell me a story.",
    "I am a small model and know only a few things. Ask me what I can do.",
)
"""The same for what was typed, where hearing is not the trouble."""
