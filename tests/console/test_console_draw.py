"""Drawing as pure functions: what stands in the lines, at any width, with any signs."""

from __future__ import annotations

import base64
import json
import unicodedata
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from console_world import (
    DEADLINE,
    NOW,
    STARTED,
    FakeOperations,
    attempt,
    fires,
    job,
    mornings,
    ready,
    snapshot,
    stage,
    tonight,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.content import Content
from textual.strip import Strip

from console.text import clean, clean_lines
from console.tui.actions import ACTIONS, HEADINGS
from console.tui.clipboard import TooLongError, osc52
from console.tui.draw.base import Frame, fit, fold, sparkline
from console.tui.draw.depth import draw_depth
from console.tui.draw.detail import draw_detail, draw_detail_head
from console.tui.draw.header import draw_clock, draw_header, draw_keys, draw_notice, draw_problem
from console.tui.draw.help import draw_help
from console.tui.draw.jobs import draw_job
from console.tui.draw.mornings import draw_mornings
from console.tui.draw.schedule import draw_schedule, draw_upcoming
from console.tui.draw.services import draw_services, port_of
from console.tui.draw.stages import draw_stages, stage_axis
from console.tui.draw.tree import tree_lines
from console.tui.draw.verdict import draw_verdict
from console.tui.jobactions import JOB_ACTIONS, refusal
from console.tui.keys import TAKEN, conflicts, footer_actions, keys_table, resolve
from console.tui.link import Link
from console.tui.notices import Notice
from console.tui.registry import SCREENS
from console.tui.signs import ASCII, UNICODE, choose_signs
from console.tui.themes import MonoFilter, choose_theme
from console.tui.view import Answer, View, Want, answer_due, snapshot_due
from console.tui.widgets.lines import changed_span
from scheduler.domain.access import Role
from scheduler.domain.deadline import Prediction, Verdict
from scheduler.domain.job import JobStatus
from scheduler.domain.render import StageName
from scheduler.domain.snapshot import StageState

DOC = Path(__file__).parents[2] / "docs" / "console.md"


def frame(view: View | None = None, *, width: int = 80, rows: int = 24, **more: Any) -> Frame:
    seen = view or View(snapshot=snapshot(), upcoming=fires(), checked_at=NOW, version=1)
    values: dict[str, Any] = {"now": NOW, "signs": UNICODE, "columns": width, "rows": rows}
    return Frame(view=seen, width=width, **(values | more))


def text(lines: list[Content]) -> str:
    return "\n".join(one.plain for one in lines)


def with_night(**more: Any) -> View:
    return View(snapshot=snapshot(tonight(**more)), checked_at=NOW, version=1)


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (with_night(), ["ON TRACK", "Sat 21 Nov", "due 06:00 IST", "in 2 h 47 min", "P50 03:13", "P90 03:14", "slack"]),
        (with_night(verdict=Verdict.AT_RISK, slack_s=-240.0), ["▲ AT RISK", "late by 4 min"]),
        (
            with_night(verdict=Verdict.MISSED, deadline_at=NOW - timedelta(minutes=12), slack_s=-1000.0),
            ["✖ MISSED", "12 min ago", "late by 16 min"],
        ),
        (
            View(snapshot=snapshot(ready()), checked_at=NOW),
            ["✔ READY", "out at 03:12", "2 h 47 min before the deadline", "degraded", "/published/daily_ca-2026-11-21"],
        ),
        (
            with_night(verdict=Verdict.IDLE, deadline_at=None, job=None, prediction=None, slack_s=None, stages=()),
            ["○ IDLE", "nothing is due"],
        ),
        (
            with_night(job=None, starts_at=NOW + timedelta(minutes=9, seconds=3), stages=()),
            ["ON TRACK", "starts 03:21 in 9 min 3 s"],
        ),
        (View(), ["reading the database"]),
    ],
)
def test_the_verdict_says_it_in_words(view: View, words: list[str]) -> None:
    drawn = text(draw_verdict(frame(view)))
    assert [word for word in words if word not in drawn] == []


def test_the_night_shows_now_prediction_and_deadline_in_their_order() -> None:
    night = tonight(prediction=Prediction(NOW + timedelta(minutes=60), NOW + timedelta(minutes=120)))
    view = View(snapshot=snapshot(night), checked_at=NOW)
    night_line = draw_verdict(frame(view, width=160, rows=48))[-1].plain
    marks = [night_line.index(sign) for sign in "●◆◇┃"]
    assert marks == sorted(marks)


def test_a_stage_shows_provider_tries_fallback_and_its_calls_on_the_axis() -> None:
    manim = draw_stages(frame())[2].plain
    assert manim.startswith("◐ manim      running  static-cards")
    assert "▼ 5x" in manim
    assert "1m34s" in manim
    assert "✖" in manim
    assert manim.rstrip().endswith("━╸")


def test_the_axis_grows_in_steps_and_stands_still_when_all_is_done() -> None:
    stages = snapshot().tonight.stages
    lengths = [axis.length_s for s in (0, 20, 26, 90) if (axis := stage_axis(stages, NOW + timedelta(seconds=s)))]
    assert lengths == [120, 120, 180, 300]
    later = [stage_axis(ready().stages, NOW + timedelta(seconds=s)) for s in (0, 5000)]
    assert later[0] == later[1]
    assert stage_axis((), NOW) is None


def test_a_running_bar_grows_by_single_cells() -> None:
    before = draw_stages(frame())[2]
    after = draw_stages(frame(now=NOW + timedelta(seconds=2)))[2]
    differing = sum(a != b for a, b in zip(before.plain, after.plain, strict=False))
    assert differing <= 4


def test_kept_stages_say_so() -> None:
    kept = stage(StageName.TTS, StageState.DONE, [attempt(StageName.TTS, "espeak", 0, 0, resumed=True)])
    view = with_night(stages=(kept,))
    assert "kept" in draw_stages(frame(view))[0].plain


def test_services_show_state_port_latency_history_and_error() -> None:
    down, up, unknown = (one.plain for one in draw_services(frame()))
    assert "✖ manim" in down
    assert ":5000" in down
    assert "connection refused" in down
    assert "×" in down
    assert "● revideo" in up
    assert "12 ms" in up
    assert "unknown" in unknown
    assert "not probed yet" in unknown
    assert port_of("http://[::bad") == ""


def test_the_depth_counts_up_the_oldest_wait() -> None:
    drawn = text(draw_depth(frame(now=NOW + timedelta(minutes=2)), None))
    assert "queued, oldest 4m" in drawn
    assert "10 failed" in drawn


@pytest.mark.parametrize("width", [60, 80, 110, 160])
@pytest.mark.parametrize("signs", [UNICODE, ASCII])
def test_no_line_is_wider_than_its_place(width: int, signs: Any) -> None:
    view = View(
        snapshot=snapshot(), upcoming=fires(), checked_at=NOW - timedelta(seconds=90), problem="locked " * 40, version=1
    )
    detail = FakeOperations().job(job().id)
    big = replace(detail, job=job(payload={"text": "नमस्ते 🚀 word " * 400, "nowhere": "x" * 999}))
    f = frame(view, width=width, rows=48, signs=signs)
    tabs = [*draw_header(f, TABS, "Jobs"), *draw_clock(f), *draw_keys(f, footer_actions(("list", "job")))]
    lines = [
        *tabs, *draw_problem(f), *draw_verdict(f), *draw_stages(f), *draw_services(f), *draw_depth(f, None),
        *draw_upcoming(f), *draw_detail(f, big), *draw_detail_head(f, Answer(big)), *draw_help(f, width),
        *draw_notice(f, Notice("long " * 100)),
        *(draw_job(f, one, selected=True) for one in snapshot().jobs),
        *(draw_schedule(f, one, selected=False) for one in snapshot().schedules),
    ]  # fmt: skip
    assert [one.plain for one in lines if one.cell_length > width] == []
    if signs is ASCII:
        chrome = [*tabs, *draw_stages(f), *draw_services(f), *draw_help(f, width)]
        assert all(one.plain.isascii() for one in chrome)


TABS = [(one.key, one.name) for one in SCREENS]
EIGHT = list(zip("12345678", "Tonight Jobs Schedule Services Metrics Alerts Logs Audit".split(), strict=True))  # noqa: SIM905 - as one reads it


def test_the_header_tells_age_and_daemon_in_words() -> None:
    fresh = frame(width=120)
    assert "● ON TRACK +2h45m  ● daemon  ● live" in text(draw_header(fresh, TABS, "Jobs"))
    old = replace(fresh, now=NOW + timedelta(seconds=48))
    assert "data 48s old" in text(draw_header(old, TABS, "Jobs"))
    dead = View(snapshot=replace(snapshot(), daemon=None), checked_at=NOW)
    assert "no daemon" in text(draw_header(frame(dead), TABS, "Jobs"))


@pytest.mark.parametrize("width", [47, 67, 107, 147, 187])
def test_the_header_never_loses_the_verdict_nor_where_one_is(width: int) -> None:
    drawn = text(draw_header(frame(width=width, columns=width + 13), EIGHT, "Schedule"))
    assert "ON TRACK" in drawn
    assert "3 Schedule" in drawn
    assert "8" in drawn
    assert ("Services" in drawn) is (width > 90)


def test_the_payload_is_shown_whole() -> None:
    payload = {"script": "word " * 3000 + "the very end", "hindi": "नमस्ते"}
    detail = replace(FakeOperations().job(job().id), job=job(payload=payload))
    drawn = text(draw_detail(frame(), detail))
    assert "the very end" in " ".join(drawn.split())
    assert "नमस्ते" in drawn
    assert json.dumps(payload)[:12] not in drawn  # it is pretty-printed, one key a line


@given(st.text(max_size=300), st.integers(8, 90))
def test_folding_loses_nothing(words: str, width: int) -> None:
    words = words.replace("\n", " ")
    assert "".join(fold(words, width)) == words


@pytest.mark.parametrize(("value", "width"), [("नमस्ते दुनिया", 5), ("漢字漢字", 5), ("plain", 9), ("", 3)])
def test_columns_have_exactly_their_width(value: str, width: int) -> None:
    assert Content(fit(value, width, UNICODE)).cell_length == width


def test_sparklines_show_gaps_and_do_not_make_mountains_of_noise() -> None:
    assert sparkline([10, None, 100], 10, UNICODE) == "▂×█"
    assert sparkline([1, 2, 1], 10, UNICODE, floor=20.0) == "▁▂▁"
    assert sparkline([5] * 50, 8, ASCII) == "@" * 8
    assert sparkline([0.0], 8, UNICODE) == "▁"


@pytest.mark.parametrize(
    ("old", "new", "span"),
    [
        ("12:00:01", "12:00:02", (7, 8)),
        ("same", "same", None),
        ("short", "longer", (0, 6)),
        ("a漢b", "a字b", (1, 3)),
        ("", "x", (0, 1)),
    ],
)
def test_only_the_cells_that_differ_are_sent(old: str, new: str, span: tuple[int, int] | None) -> None:
    assert changed_span(Strip([Segment(old)]), Strip([Segment(new)])) == span


def test_a_change_of_style_alone_is_a_change() -> None:
    red, blue = Style(color="red"), Style(color="blue")
    assert changed_span(Strip([Segment("ab", red)]), Strip([Segment("a", red), Segment("b", blue)])) == (1, 2)


@pytest.mark.parametrize(
    ("change", "due"),
    [
        ({}, False),
        ({"version": 2}, True),
        ({"now": NOW + timedelta(seconds=5)}, True),
        ({"now": NOW - timedelta(hours=1)}, True),  # the clock was set back
        ({"now": NOW + timedelta(seconds=2)}, False),
    ],
)
def test_a_snapshot_is_taken_when_something_was_written_or_time_has_moved(change: dict[str, Any], due: bool) -> None:
    view = View(snapshot=snapshot(), checked_at=NOW, version=1)
    looked: dict[str, Any] = {"version": 1, "now": NOW, **change}
    assert snapshot_due(view, **looked) is due


def test_a_snapshot_is_taken_at_once_when_the_deadline_passes_or_after_trouble() -> None:
    view = View(snapshot=snapshot(tonight(), taken_at=DEADLINE - timedelta(seconds=1)), version=1)
    assert snapshot_due(view, version=1, now=DEADLINE)
    assert snapshot_due(replace(view, problem="locked"), version=1, now=DEADLINE - timedelta(seconds=1))
    assert snapshot_due(View(), version=1, now=NOW)


@pytest.mark.parametrize(
    ("every_s", "written", "seconds", "due"),
    [(None, False, 3600, False), (None, True, 0, True), (10.0, False, 9, False), (10.0, False, 10, True)],
)
def test_what_a_screen_wants_is_read_after_writes_and_when_its_time_has_come(
    every_s: float | None, written: bool, seconds: float, due: bool
) -> None:
    want: Want[object] = Want("depths", lambda _operations: 1, every_s)
    view = View(answers={"depths": Answer(1, read_at=NOW)})
    assert answer_due(view, want, written=written, now=NOW + timedelta(seconds=seconds)) is due
    assert answer_due(View(), want, written=False, now=NOW)


@pytest.mark.parametrize(
    ("action", "status", "allowed"),
    [
        ("cancel", JobStatus.QUEUED, True),
        ("cancel", JobStatus.PROCESSING, True),
        ("cancel", JobStatus.COMPLETED, False),
        ("retry", JobStatus.FAILED, True),
        ("retry", JobStatus.CANCELLED, True),
        ("retry", JobStatus.PROCESSING, False),
        ("rerender", JobStatus.COMPLETED, True),
        ("rerender", JobStatus.QUEUED, False),
    ],
)
def test_actions_are_offered_where_the_domain_allows_them(action: str, status: JobStatus, allowed: bool) -> None:
    reason = refusal(action, job(status=status))
    assert (reason is None) is allowed
    if reason is not None:
        assert status.value in reason


def test_a_job_that_is_being_stopped_is_not_stopped_again() -> None:
    reason = refusal("cancel", job(cancel_requested_at=STARTED))
    assert reason is not None
    assert "already" in reason


def test_the_keys_are_unambiguous_and_taken_by_no_multiplexer() -> None:
    ids = [action.id for action in ACTIONS]
    assert len(ids) == len(set(ids))
    assert not [action.id for action in ACTIONS if set(TAKEN) & set(action.key.split(","))]
    assert list(conflicts()) == []


def test_every_action_has_a_scope_that_some_screen_has_and_help_names() -> None:
    scopes = {"everywhere", "text", "detail", *(scope for screen in SCREENS for scope in screen.scopes)}
    assert {action.scope for action in ACTIONS} <= scopes
    assert scopes == set(HEADINGS)
    keys = [screen.key for screen in SCREENS]
    assert keys == sorted({*keys})


def test_what_takes_something_away_needs_an_operator() -> None:
    assert not [action.id for action in ACTIONS if action.destructive and action.role is Role.VIEWER]


@pytest.mark.parametrize(
    ("wanted", "changed", "problem"),
    [
        ({"job.cancel": "x"}, {"job.cancel": "x"}, ""),
        ({"list.down": "down n"}, {"list.down": "down,n"}, ""),
        ({"app.help": "?, F1"}, {"app.help": "question_mark,f1"}, ""),
        ({"app.redraw": "ctrl-r"}, {"app.redraw": "ctrl+r"}, ""),
        ({"job.stop": "x"}, {}, "there is no action 'job.stop'"),
        ({"job.cancel": "ctrl-b"}, {}, "ctrl-b cannot be had, tmux takes it"),
        ({"job.cancel": " "}, {}, "no key is given"),
        ({"job.cancel": "r"}, {}, "console.keys.job.cancel: r is the key of job.retry already"),
        ({"job.cancel": "r", "job.retry": "c"}, {"job.cancel": "r", "job.retry": "c"}, ""),
        ({"schedule.run": "c"}, {"schedule.run": "c"}, ""),  # c is no key of the schedule's screen
        ({"job.cancel": "q"}, {}, "q is the key of app.quit already"),
    ],
)
def test_keys_can_be_given_to_others_and_conflicts_are_named(
    wanted: dict[str, str], changed: dict[str, str], problem: str
) -> None:
    keymap = resolve(wanted)
    assert keymap.changed == changed
    assert problem in "".join(keymap.problems)
    assert bool(problem) == bool(keymap.problems)


def test_the_keys_in_the_docs_are_the_bindings() -> None:
    assert keys_table() in DOC.read_text()


def test_every_action_is_in_the_table_of_actions() -> None:
    names = {one.action for one in ACTIONS if one.id.startswith("job.") and one.scope == "job"}
    assert names == {f"job('{name}')" for name in JOB_ACTIONS}


@pytest.mark.parametrize(
    ("ascii_only", "encoding", "term", "signs"),
    [
        (False, "utf-8", "xterm-256color", UNICODE),
        (False, "UTF8", "tmux-256color", UNICODE),
        (True, "utf-8", "xterm", ASCII),
        (False, "ascii", "xterm", ASCII),
        (False, "utf-8", "linux", ASCII),
    ],
)
def test_signs_fit_the_terminal(ascii_only: bool, encoding: str, term: str, signs: Any) -> None:
    assert choose_signs(ascii_only=ascii_only, encoding=encoding, term=term) is signs


def test_a_payload_is_a_tree_in_which_nothing_is_cut() -> None:
    payload: dict[str, Any] = {
        "brief": {"title": "ठीक है", "headlines": [{"title": "one"}, "x" * 300, None, True, [], {}]},
        "n": 1.5,
    }
    lines = [one.plain for one in tree_lines(payload, 40, UNICODE)]
    assert lines[:5] == ["brief", "│ title  ठीक है", "│ headlines  6", "│ │ 0", "│ │ │ title  one"]
    assert "".join(lines).count("x") == 300
    assert "n  1.5" in lines
    assert all(cell_len(one) <= 40 for one in lines)


def test_a_tree_that_is_too_deep_is_still_shown() -> None:
    deep: dict[str, Any] = {"end": "HERE"}
    for _ in range(200):
        deep = {"d": deep}
    assert "HERE" in "".join(one.plain for one in tree_lines(deep, 80, UNICODE))


@pytest.mark.parametrize(
    ("environ", "begins", "ends"),
    [
        ({"TERM": "xterm-256color"}, "\x1b]52;c;", "\x07"),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/x"}, "\x1b]52;c;", "\x1b\\"),
        ({"TERM": "screen.xterm", "STY": "1.pts"}, "\x1bP\x1b]52;c;", "\x07\x1b\\"),
    ],
)
def test_copying_goes_through_tmux_and_screen(environ: dict[str, str], begins: str, ends: str) -> None:
    sent = osc52("https://example.org/v.mp4\x1b[2J", environ)
    assert sent.startswith(begins)
    assert sent.endswith(ends)
    data = base64.b64encode(b"https://example.org/v.mp4[2J").decode()
    assert data in sent
    assert ("\x1bPtmux;\x1b\x1b]52" in sent) is ("TMUX" in environ)


def test_what_is_too_long_is_not_copied() -> None:
    with pytest.raises(TooLongError, match="too long to copy"):
        osc52("x" * 60_000, {})


class Ticks:
    """A counter of seconds that is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_link_is_slow_when_answers_come_late_and_fast_again_when_they_do_not() -> None:
    ticks = Ticks()
    link = Link(ticks)
    assert not link.sending(100), "little is sent without asking"
    assert link.sending(8000)
    assert not link.is_behind(), "nothing is known yet"
    ticks.now += 0.4
    assert link.answered()
    assert 15_000 < (link.state().rate or 0) < 25_000
    assert link.sending(8000)
    assert link.is_behind()
    assert link.state().behind_s == pytest.approx(0.4, abs=0.05)
    ticks.now += 0.4
    link.answered()
    assert not link.is_behind()
    for _ in range(12):
        link.sending(8000)
        ticks.now += 0.001
        link.answered()
    link.sending(8000)
    assert not link.is_behind()


def test_a_terminal_that_never_answers_is_not_waited_for() -> None:
    ticks = Ticks()
    link = Link(ticks)
    for _ in range(3):
        link.sending(5000)
        link.written(5000, 0.001)
        ticks.now += 4
        link.state()
    assert not link.sending(50_000), "it is not asked any more"
    link.written(50_000, 0.001)
    assert not link.is_behind()
    assert not link.answered()


@pytest.mark.parametrize(
    ("setting", "environ", "theme"),
    [
        ("auto", {"term": "xterm-256color"}, "dark"),
        ("light", {"term": "xterm-256color"}, "light"),
        ("auto", {"term": "linux"}, "16"),
        ("auto", {"term": "xterm", "colorterm": "truecolor"}, "dark"),
        ("light", {"term": "xterm", "no_color": True}, "mono"),
    ],
)
def test_the_theme_fits_the_terminal(setting: str, environ: dict[str, Any], theme: str) -> None:
    given_there: dict[str, Any] = {"no_color": False, "term": "", **environ}
    assert choose_theme(setting, **given_there) == theme


def test_without_colour_backgrounds_are_reversed_and_grey_is_dim() -> None:
    before = [
        Segment("a", Style(color="bright_black")),
        Segment("b", Style(color="default", bgcolor="white", bold=True)),
    ]
    after = MonoFilter().apply(before, Color(0, 0, 0))
    assert [str(one.style) for one in after] == ["dim", "bold reverse"]


def test_notices_go_away_by_themselves() -> None:
    assert not Notice("x", at=NOW).has_expired(NOW + timedelta(seconds=5))
    assert Notice("x", at=NOW).has_expired(NOW + timedelta(seconds=20))
    assert not Notice("x", good=False, at=NOW).has_expired(NOW + timedelta(seconds=20))
    assert Notice("x", good=False, at=NOW).has_expired(NOW + timedelta(seconds=61))
    assert Notice("x", at=NOW).has_expired(NOW - timedelta(hours=1)), "the clock was set back"
    assert not Notice("x").has_expired(NOW + timedelta(days=9))


HOSTILE_PARTS = st.sampled_from(
    [
        *("\x1b[2J", "\x1b]0;t\x07", "\x1b]52;c;aGk=\x07", "\x9b31m", "\x90q\x9c", "\x1bPq\x1b\\", "\u202e", "\u2066"),
        *("[bold]", "[/]", "[@click=app.quit]x[/]", "\r\n", "\x00", "\x7f", "\x08" * 5, "🚀", "👩\u200d👩\u200d👧"),
        *("नमस्ते", chr(0xD800), "\ufeff", "a" * 50, "\t", "%s{0}$x"),
    ]
)


@settings(max_examples=2_000, deadline=None, database=None)
@given(st.lists(HOSTILE_PARTS | st.text(max_size=8), max_size=8).map("".join))
def test_no_text_of_a_job_reaches_the_terminal_with_a_control_character(text: str) -> None:
    for shown in (clean(text, limit=80), *clean_lines(text).split("\n")):
        assert not {one for one in shown if unicodedata.category(one) in {"Cc", "Cs"}}
        assert not set(shown) & BIDI


BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


def test_the_last_mornings_are_a_strip_with_the_sum_in_words() -> None:
    [strip] = draw_mornings(frame(width=100), mornings())
    assert strip.plain.startswith("mornings  ●●")
    assert "27 of 29 on time" in strip.plain
    assert "4 degraded" in strip.plain
    assert "last late 17 Nov" in strip.plain
    assert strip.plain.count("✖") == strip.plain.count("–") == 1
    assert "none is on record" in draw_mornings(frame(), ())[0].plain
