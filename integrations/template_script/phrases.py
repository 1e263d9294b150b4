"""What the template says around the brief's own words, in each language it speaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from scheduler.domain.content import BriefKind


@dataclass(frozen=True, slots=True)
class Phrases:
    """The words of one language. ``{}`` fields are filled by name.

    Attributes:
        stop: what ends a sentence.
        one: said before the only point.
        first, later, last: said before the points; ``later`` in turn.
        welcome, goodbye: narration of intro and outro, with ``{programme}``, ``{date}``, ``{title}``, ``{stories}``.
        recap: heading of the outro.
        more: last line of a recap that does not hold all headlines, with ``{count}``.
    """

    months: Sequence[str]
    days: Sequence[str]
    stop: str
    one: str
    first: str
    later: Sequence[str]
    last: str
    story: str
    stories: str
    welcome: str
    goodbye: str
    recap: str
    more: str
    editions: frozenset[str]
    edition: str

    def long_date(self, day: date) -> str:
        """``Friday, 6 June 2025``."""
        return f"{self.days[day.weekday()]}, {day.day} {self.months[day.month - 1]} {day.year}"

    def count(self, stories: int) -> str:
        """``5 stories``."""
        return self.story if stories == 1 else self.stories.format(count=stories)

    def before(self, number: int, of: int) -> str:
        """What is said before point ``number`` (from 1) of ``of``."""
        if of == 1:
            return self.one
        if number == 1:
            return self.first
        return self.last if number == of else self.later[(number - 2) % len(self.later)]

    def edition_line(self, edition: str) -> str:
        """``Evening edition`` for the usual editions; any other text as it is."""
        return self.edition.format(edition=edition.capitalize()) if edition.casefold() in self.editions else edition


ENGLISH = Phrases(
    months=(
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
    days=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    stop=".",
    one="Today's story.",
    first="First.",
    later=("Next.", "In other news.", "Moving on.", "Also today."),
    last="And finally.",
    story="1 story",
    stories="{count} stories",
    welcome="{programme} for {date}. {title} {stories} today.",
    goodbye="That was {programme} for {date}. Pause here to revise, and thank you for watching.",
    recap="Today at a glance",
    more="and {count} more",
    editions=frozenset({"morning", "midday", "afternoon", "evening", "night", "weekly", "weekend", "special"}),
    edition="{edition} edition",
)

HINDI = Phrases(
    months=(
        "जनवरी",
        "फ़रवरी",
        "मार्च",
        "अप्रैल",
        "मई",
        "जून",
        "जुलाई",
        "अगस्त",
        "सितंबर",
        "अक्टूबर",
        "नवंबर",
        "दिसंबर",
    ),
    days=("सोमवार", "मंगलवार", "बुधवार", "गुरुवार", "शुक्रवार", "शनिवार", "रविवार"),
    stop="।",
    one="आज की ख़बर।",
    first="पहली ख़बर।",
    later=("अगली ख़बर।", "अन्य समाचार।", "आगे बढ़ते हैं।", "इसके अलावा।"),
    last="और अंत में।",
    story="1 ख़बर",
    stories="{count} ख़बरें",
    welcome="{programme}। {date}। {title} आज {stories}।",
    goodbye="{date} के लिए {programme} में बस इतना ही। दोहराने के लिए यहाँ रुकें। देखने के लिए धन्यवाद।",
    recap="आज एक नज़र में",
    more="और {count}",
    editions=frozenset({"प्रातः", "प्रात:", "दोपहर", "सायं", "संध्या", "रात्रि", "साप्ताहिक", "विशेष"}),
    edition="{edition} संस्करण",
)


QUESTION_EN = replace(
    ENGLISH,
    one="The question.",
    story="1 question",
    welcome="{programme}. A question was asked.",
    goodbye="The answer is being prepared. Thank you for asking.",
    recap="The question",
)
QUESTION_HI = replace(
    HINDI,
    one="प्रश्न।",
    story="1 प्रश्न",
    welcome="{programme}। एक प्रश्न पूछा गया है।",
    goodbye="उत्तर तैयार किया जा रहा है। पूछने के लिए धन्यवाद।",
    recap="प्रश्न",
)
PROMPT_EN = replace(
    ENGLISH,
    one="What was asked for.",
    story="1 video",
    welcome="{programme}. A video was asked for in words.",
    goodbye="The moving pictures could not be made this time. These were the words.",
    recap="What was asked for",
)
PROMPT_HI = replace(
    HINDI,
    one="यह माँगा गया था।",
    story="1 वीडियो",
    welcome="{programme}। शब्दों में एक वीडियो माँगा गया है।",
    goodbye="इस बार चित्र नहीं बन सके। ये वे शब्द थे।",
    recap="क्या माँगा गया था",
)
_WORDS = {
    BriefKind.NEWS: (ENGLISH, HINDI),
    BriefKind.QUESTION: (QUESTION_EN, QUESTION_HI),
    BriefKind.PROMPT: (PROMPT_EN, PROMPT_HI),
}


def phrases_for(language: str, kind: BriefKind = BriefKind.NEWS) -> Phrases:
    """The words for a BCP 47 language and a kind of brief; English where there are none of its own."""
    english, hindi = _WORDS[kind]
    return hindi if language.split("-", 1)[0].lower() == "hi" else english
