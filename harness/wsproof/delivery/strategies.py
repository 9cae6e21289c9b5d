"""Hypothesis strategies for schedules, one per property."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from hypothesis import HealthCheck, Phase, Verbosity, configuration, given, seed, settings
from hypothesis import strategies as st

from wsproof.delivery.schedule import Action, LeaveBy, Misbehaviour, Schedule, Step

LONGEST_BYTES = 60_000
"""Largest message to draw, in bytes."""
EDGE_SIZES = (0, 0, 0, 0, 125, 126, 127, LONGEST_BYTES)
"""Message sizes in bytes: 0 is unpadded; 125, 126 and 127 are the limits of the frame header's length field."""
EDGE_TEXTS = (
    "",
    "\0",
    "\n",
    "a\r\nb",
    "\ufeffwith a mark",
    "e\u0301 is not \u00e9",
    "😀𝄞",
    "Client #1 says: no",
    "Client #1 left the chat",
    "You: ",
    " blanks around ",
    '{"type": "message"}',
    "50 % of {0} {name} ${x} #{y} %s %d %41+%zz",
    "<b>bold</b> &amp; &lt;script>",
    "C:\\new\\table \\u0041 `code` 'quoted'",
    "between\u2028lines\u2029and\x85ends",
    "-1",
)
"""Texts that servers are likely to mishandle: control characters, Unicode, markup, escapes, and imitations."""
WIDE_TEXT = "日本語の長い文" * 700
"""A text of 4,900 characters in 14,700 bytes: limits in bytes and in characters differ for it."""
BREAKS = tuple(each for each in Misbehaviour if each not in (Misbehaviour.BINARY, Misbehaviour.TEXT))
"""The misbehaviours of `protocol-error-isolation`; binary frames have a property of their own."""


def texts() -> st.SearchStrategy[str]:
    """Texts that members publish."""
    return st.sampled_from(EDGE_TEXTS) | st.lists(_characters(), max_size=30).map("".join)


def _characters() -> st.SearchStrategy[str]:
    """All characters that UTF-8 can encode.

    `st.characters` would first build a table of Unicode, which takes seconds.
    """
    surrogates = range(0xD800, 0xE000)
    return st.one_of(
        st.integers(0, 0x7F),
        st.integers(0x80, surrogates.start - 1),
        st.integers(surrogates.stop, 0x10FFFF),
    ).map(chr)


@st.composite
def sayings(draw: st.DrawFn, *, member: st.SearchStrategy[int]) -> Step:
    """A published message, possibly in several TCP segments."""
    plain = draw(st.integers(0, 9)) == 9
    return Step(
        Action.SAY,
        draw(member),
        "" if plain else draw(texts()),
        0 if plain else draw(st.sampled_from(EDGE_SIZES)),
        plain,
        tuple(draw(st.lists(st.integers(0, 99), max_size=3))),
    )


@st.composite
def conversations(draw: st.DrawFn) -> Schedule:
    """A few members that join and publish, with occasional pauses. Uses two rooms if the channel has rooms."""
    size, rooms = draw(st.integers(1, 4)), draw(st.integers(1, 2))
    joins = [Step(Action.JOIN, number, room=number % rooms) for number in range(size)]
    words = sayings(member=st.integers(0, size - 1)) | st.just(Step(Action.SETTLE))
    return (*joins, *draw(st.lists(words, min_size=1, max_size=10)))


@st.composite
def bursts(draw: st.DrawFn) -> Schedule:
    """Several members that publish at once, without waiting for each other."""
    size = draw(st.integers(2, 4))
    talk = st.builds(
        Step, st.just(Action.SAY), st.integers(0, size - 1), size_bytes=st.sampled_from((0, 200, 5_000, LONGEST_BYTES))
    )
    joins = [Step(Action.JOIN, number) for number in range(size)]
    return (*joins, *draw(st.lists(talk, min_size=6, max_size=20)))


@st.composite
def joins_and_leaves(draw: st.DrawFn) -> Schedule:
    """Members that join, publish, leave in every way, and join again under the same id."""
    size = draw(st.integers(2, 3))
    steps = [Step(Action.JOIN, number) for number in range(size)]
    present, gone, following = list(range(size)), list[int](), size
    for action in draw(st.lists(st.sampled_from(("join", "again", "say", "leave", "leave", "settle")), max_size=10)):
        if action == "join" or (action == "again" and not gone):
            steps.append(Step(Action.JOIN, following))
            present.append(following)
            following += 1
        elif action == "again":
            steps += [Step(Action.SETTLE), Step(Action.JOIN, following, rejoin_as=draw(st.sampled_from(gone)))]
            present.append(following)
            following += 1
        elif action == "say":
            steps.append(Step(Action.SAY, draw(st.sampled_from(present)), "a word"))
        elif action == "leave" and len(present) > 1:
            member = draw(st.sampled_from(present))
            present.remove(member)
            gone.append(member)
            steps.append(Step(Action.LEAVE, member, leave_by=draw(st.sampled_from(LeaveBy))))
        else:
            steps.append(Step(Action.SETTLE))
    return tuple(steps)


@st.composite
def last_messages(draw: st.DrawFn) -> Schedule:
    """A member that publishes and leaves at once.

    It leaves by a close frame or FIN: an RST may discard its last messages.
    """
    number = draw(st.integers(1, 5))
    messages = [Step(Action.SAY, 1, draw(texts()), draw(st.sampled_from(EDGE_SIZES))) for _ in range(number)]
    way = draw(st.sampled_from((LeaveBy.CLOSE, LeaveBy.FIN)))
    return (
        Step(Action.JOIN, 0),
        Step(Action.JOIN, 1),
        Step(Action.JOIN, 2),
        *messages,
        Step(Action.LEAVE, 1, leave_by=way),
    )


@st.composite
def misbehaviours(draw: st.DrawFn, breaks: tuple[Misbehaviour, ...] = BREAKS) -> Schedule:
    """A misbehaving member among others that publish. It stays or leaves."""
    place = draw(st.integers(0, 2))
    others = [number for number in range(3) if number != place]
    how = draw(st.sampled_from((None, *LeaveBy)))
    after = [Step(Action.SAY, draw(st.sampled_from(others)), draw(texts())) for _ in range(draw(st.integers(1, 4)))]
    return (
        *(Step(Action.JOIN, number) for number in range(3)),
        Step(Action.BREAK, place, misbehaviour=draw(st.sampled_from(breaks))),
        *([Step(Action.LEAVE, place, leave_by=how)] if how else []),
        *after,
        Step(Action.JOIN, 3),
        Step(Action.SAY, 3, "late"),
    )


@st.composite
def resets(draw: st.DrawFn) -> Schedule:
    """A member that stops reading while messages are on their way to it, and resets its connection."""
    place = draw(st.integers(0, 2))
    talker, other = (number for number in range(3) if number != place)
    before = [
        Step(Action.SAY, talker, size_bytes=draw(st.sampled_from((0, 20_000)))) for _ in range(draw(st.integers(0, 6)))
    ]
    after = [Step(Action.SAY, draw(st.sampled_from((talker, other))), "after") for _ in range(draw(st.integers(1, 4)))]
    return (
        *(Step(Action.JOIN, number, has_small_buffer=number == place) for number in range(3)),
        Step(Action.STALL, place),
        *before,
        Step(Action.LEAVE, place, leave_by=LeaveBy.RESET),
        *after,
    )


@contextmanager
def _no_folder() -> Iterator[None]:
    """Give Hypothesis a temporary storage directory, so that it leaves no directory behind."""
    before = configuration.storage_directory(intent_to_write=False).home_directory
    with tempfile.TemporaryDirectory() as folder:
        configuration.set_hypothesis_home_dir(Path(folder))
        try:
            yield
        finally:
            configuration.set_hypothesis_home_dir(before)


def examples(schedules: st.SearchStrategy[Schedule], *, number: int, from_seed: int) -> list[Schedule]:
    """Draw `number` different schedules, or fewer if no more exist. The same seed draws the same schedules.

    All schedules are drawn before the first runs. So the server's answers cannot influence them, and a run can be
    repeated. Hypothesis does not shorten them, because each try may need a fresh server.
    """
    drawn: dict[Schedule, None] = {}

    @seed(from_seed)
    @settings(
        max_examples=max(number, 1),
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
    @given(schedules)
    def draw(schedule: Schedule) -> None:
        drawn[schedule] = None

    with _no_folder():
        draw()
    return list(drawn)[:number]


@lru_cache(256)
def examples_once(
    schedules: Callable[[], st.SearchStrategy[Schedule]], number: int, from_seed: int
) -> tuple[Schedule, ...]:
    """Draw as `examples` does, once for all channels of a run: drawing takes up to half a second of CPU time."""
    return tuple(examples(schedules(), number=number, from_seed=from_seed))
