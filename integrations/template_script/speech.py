"""Written text as it is spoken: amounts, units and signs as words.

The result is also what the captions show, so it stays close to what was written: numbers stay in digits, and names
and acronyms are left to the voice.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_NUMBER = r"\d[\d,]*(?:\.\d+)?"
_RANGE = rf"{_NUMBER}(?:\s*[–-]\s*{_NUMBER})?"
_SCALES = r"(?:hundred|thousand|lakh|crore|million|billion|trillion|सौ|हज़ार|हजार|लाख|करोड़|अरब|खरब)"
_WORD_END = r"(?![\w\u0900-\u0963])"
"""Not ``\\b``: to that, a Devanagari vowel sign is no part of a word."""
_AMOUNT = re.compile(
    rf"(?P<sign>₹|\bRs\.?|\bINR\b|US\$|\$|£|€|रु\.|रुपये\s(?=₹))\s*(?P<number>{_RANGE})(?P<scale>(?:[\s-]{_SCALES}{_WORD_END})*)",
    re.IGNORECASE,
)
_CURRENCIES = {
    "en": {"₹": ("rupee", "rupees"), "$": ("dollar", "dollars"), "£": ("pound", "pounds"), "€": ("euro", "euros")},
    "hi": {"₹": ("रुपया", "रुपये"), "$": ("डॉलर", "डॉलर"), "£": ("पाउंड", "पाउंड"), "€": ("यूरो", "यूरो")},
}
_UNITS = {
    "km/h": "kilometre per hour",
    "sq km": "square kilometre",
    "km": "kilometre",
    "m": "metre",
    "cm": "centimetre",
    "mm": "millimetre",
    "kg": "kilogram",
    "ha": "hectare",
    "kW": "kilowatt",
    "MW": "megawatt",
    "GW": "gigawatt",
    "°C": "degree Celsius",
}
_UNIT = re.compile(
    rf"(?P<number>{_NUMBER})[\s-]?(?P<unit>{'|'.join(map(re.escape, _UNITS))})(?![\w/])(?P<next>\s+[\w‘“]+)?"
)
_ADVERBS: frozenset[str] = frozenset(
    # A row of words is easier to read, and to add to, than a list.
    """above across and apart at away before behind below beyond but by deep downstream during each east every for from
    further high in inside into is less long more north of off offshore on or over per short south than that the
    through to tall thick under up upstream was were west which while wide with within without""".split()  # noqa: SIM905 - see above
)
"""Words after which ``359 m`` is no adjective: "359 metres above", but "272 kilometre line"."""


def spoken(text: str, language: str) -> str:
    """``text`` as it is read out in ``language`` (``en``, ``hi``)."""
    hindi = language.split("-", 1)[0].lower() == "hi"
    text = _AMOUNT.sub(_amount("hi" if hindi else "en"), text)
    for pattern, words in _HINDI if hindi else _ENGLISH:
        text = pattern.sub(words, text)
    if not hindi:
        text = _UNIT.sub(_unit, text)
    return " ".join(text.split())


def sentence(text: str, stop: str) -> str:
    """``text`` with ``stop`` behind it, unless it ends in punctuation already."""
    text = text.strip()
    return text if re.search(r"[.!?…।॥][\"'”’»)\]]*$", text) else f"{text.rstrip(',;:–—- ')}{stop}"


def _amount(language: str) -> Callable[[re.Match[str]], str]:
    def replace(found: re.Match[str]) -> str:
        written = found["sign"].strip().casefold()
        sign = written if written in {"£", "€"} else "$" if written.endswith("$") else "₹"
        one, many = _CURRENCIES[language][sign]
        scale = found["scale"].replace("-", " ")
        unit = one if found["number"] == "1" and not scale else many
        return f"{found['number']}{scale} {unit}"

    return replace


def _unit(found: re.Match[str]) -> str:
    unit = _UNITS[found["unit"]]
    following = (found["next"] or "").strip()
    is_adjective = bool(following) and following.casefold() not in _ADVERBS and not following[0].isdigit()
    if found["number"] != "1" and not is_adjective:
        first, *rest = unit.split(" ")
        unit = " ".join([f"{first}s", *rest]) if first != "square" else f"{unit}s"
    return f"{found['number']} {unit}{found['next'] or ''}"


def _rules(*rules: tuple[str, str]) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern), words) for pattern, words in rules)


_ENGLISH = _rules(
    (r"(?<=\d)\s?–\s?(?=[\d.])", " to "),
    (r"(?<=\d)\s?%", " per cent"),
    (r"\s&\s", " and "),
    (r"\bNo\. ?(?=\d)", "number "),
    (r"\bNos\. ?(?=\d)", "numbers "),
    (r"\bvs\.?(?=\s)", "versus"),
    (r"\be\.g\.,?", "for example"),
    (r"\bi\.e\.,?", "that is"),
    (r"\bapprox\.", "about"),
    (r"\b[Gg]ovt\.", "government"),
)
_HINDI = _rules(
    (r"(?<=\d)\s?–\s?(?=[\d.])", " से "),
    (r"(?<=\d)\s?%", " प्रतिशत"),
    (r"\s&\s", " और "),
    (r"(?<=\d)\s?(?:कि\.?\s?मी\.?|km\b)(?![\u0900-\u0963])", " किलोमीटर"),
    (r"(?<=\d)\s?(?:कि\.?\s?ग्रा\.?|kg\b)(?![\u0900-\u0963])", " किलोग्राम"),
    (r"(?<![\u0900-\u0963])डॉ\.\s?", "डॉक्टर "),
)
