from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.content.sentences import split_sentences


@pytest.mark.parametrize(
    "text",
    [
        "The repo rate is now 5.50 per cent.| It was 6.00 per cent.",
        "The fine is Rs. 500 crore.| It is due on Jan. 5.",
        "Dr. B. R. Ambedkar and Smt. Sarojini Naidu were members.| Both spoke.",
        "The U.S. President met the U.K. Prime Minister.| They talked.",
        "He flew to the U.S.| The talks begin today.",
        "It starts at 5:40 p.m. IST.| Everybody came.",
        "The meeting ended at 5 p.m.| The members left.",
        "See Art. 370 and No. 5 of the list.| The answer was No.| Then it ended.",
        "A. P. J. Abdul Kalam was President.| He was born in 1931.",
        "This is Vitamin D.| The sun makes it.",
        "India won!| Who would have thought so?| “Nobody.”| It was late.",
        'He said, "Stop."| Then he left.',
        "Wheat, rice, etc. are exempt.| Others (e.g. salt) are not.",
        "Larsen & Toubro Ltd. won the order.| Tata Steel Ltd.| The rest lost.",
        "ISRO launched it.| ₹788 crore were spent.| 2,392 kg is its mass.",
        "It grew … slowly.| Then it stopped…",
        "डॉ. सिंह आए।| वे रु. 500 लाए।| क्या हुआ?| कुछ नहीं।",
        "नवी मुंबई के डी. वाई. पाटिल स्टेडियम में मैच हुआ।|भारत जीता॥| सब ख़ुश हुए",
        "The committee voted 5–1 for it",
        "Version 2.0 is out. v2.1 follows.",
        "The I.| He means himself.",
    ],
)
def test_sentences_end_where_readers_end_them(text: str) -> None:
    assert split_sentences(text.replace("|", "")) == tuple(part.strip() for part in text.split("|"))


def test_white_space_and_lines_do_not_matter() -> None:
    assert split_sentences("  One\n two.\n\n Three.  ") == ("One two.", "Three.")
    assert split_sentences("") == ()
    assert split_sentences(" \n ") == ()


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet="ab AB.?!।…'\")1₹\u0915\u093e", max_size=80))
def test_no_character_is_lost(text: str) -> None:
    assert "".join(split_sentences(text)).replace(" ", "") == text.replace(" ", "")
