"""Cost tests: a cost that grows faster than its input lets a client stop the server cheaply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from wsproof.conformance.endpoint_profile import Message, MessageEvents
from wsproof.conformance.properties.accepted_messages import long_message
from wsproof.conformance.robustness.context import RobustnessContext
from wsproof.conformance.robustness.definition import RobustnessOutcome, RobustnessTest
from wsproof.conformance.robustness.scaling import FEWEST_SIZES, Cost, exponent_of, is_superlinear
from wsproof.errors import TargetError
from wsproof.model.suite import Figure
from wsproof.net.client import Client
from wsproof.net.clock import Deadline
from wsproof.wire import MASK, CloseReceived, Event, Frame, Opcode, PongReceived

__all__ = ["TESTS"]

_END = b"cost-over"
_KEY = "d3Nwcm9vZi1jb3N0bHkhIQ=="
_HANDSHAKES = 6
"""Handshakes of one batch."""
_BATCHES = 4
"""Batches of one measurement."""
_SUSPECT = 1.3
"""Exponent from which a cost is measured again."""
_FLOOR = 50
"""Costs below `least_ns` divided by this number count as equal."""
_NOISE = 10
"""A cost below `least_ns` divided by this number cannot be told from noise."""
_PLENTY = 3
"""A superlinear cost of `least_ns` times this number needs no larger size: that would only strain the server."""
_BATCH_NS = 3e8
"""Cost in ns of one batch of handshakes that is far above noise, so that no further batch is needed."""
_COSTS = 3.0
"""Time limit of one measurement, as a multiple of the deadline."""
_MESSAGE_NS = 1e8
"""Cost in ns of a message that matters."""
_HANDSHAKE_NS = 1e6
"""Cost in ns of a handshake that matters."""

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Shape:
    """An input that can grow.

    `sizes` are the sizes to try. `cost` returns the cost in ns of one size, None if the server refuses it.
    `least_ns` is a cost in ns that matters, far above the measurement error.
    """

    name: str
    of: str
    sizes: tuple[int, ...]
    cost: Callable[[RobustnessContext, int], float | None]
    least_ns: float
    base: int | None = None
    """The size whose cost is always present, and is subtracted from all others."""


def _find_superlinear(context: RobustnessContext, name: str, shapes: tuple[Shape, ...]) -> RobustnessOutcome:
    """Measure each shape. If one looks superlinear, measure it again before reporting a violation."""
    outcome = RobustnessOutcome()
    enough = False
    until = Deadline.after(_COSTS * context.deadline_s)
    for shape in shapes:
        costs = _measure(context, outcome, shape, until)
        if len(costs) < FEWEST_SIZES:
            outcome.note(f"{shape.name}: the endpoint accepts only {len(costs)} sizes, which are too few")
            continue
        enough = True
        outcome.lines.append(f"   ({shape.name}: {_describe_costs(costs)})")
        outcome.figures.append(Figure(f"{costs[-1].size:,} {shape.of}", costs[-1].cost_ns / 1e6, "ms"))
        exponent = exponent_of(costs)
        if exponent is None or costs[-1].cost_ns < shape.least_ns / _NOISE:
            continue  # The cost is negligible, however it grows.
        outcome.figures.append(Figure(f"exponent of {shape.name}", exponent))
        if _looks_superlinear(costs, shape):
            again = _measure(context, outcome, shape, Deadline.after(_COSTS * context.deadline_s))
            least = _least(costs, again)
            if _looks_superlinear(again, shape) and is_superlinear(least, shape.least_ns):
                outcome.lines.append(f"   (again: {_describe_costs(again)})")
                actual = (
                    f"the cost of {shape.name} grows with exponent {exponent_of(least):.2f}: {_describe_costs(least)}"
                )
                outcome.report_violation(name, "a cost that grows no faster than the input", actual)
                break  # One violation is enough.
    if not enough:
        outcome.lacking = "this endpoint does not accept messages that are long enough for this test"
    return outcome


def _looks_superlinear(costs: list[Cost], shape: Shape) -> bool:
    """Whether a shape deserves a second measurement, since noise may hide or create an exponent."""
    exponent = exponent_of(costs)
    return exponent is not None and exponent >= _SUSPECT and costs[-1].cost_ns >= shape.least_ns


def _least(costs: list[Cost], again: list[Cost]) -> list[Cost]:
    """The smaller of two measurements for each size, since noise only increases a cost."""
    return [Cost(cost.size, min(cost.cost_ns, other.cost_ns)) for cost, other in zip(costs, again, strict=False)]


def _measure(context: RobustnessContext, outcome: RobustnessOutcome, shape: Shape, until: Deadline) -> list[Cost]:
    """Measure the cost of each size until the time limit."""
    costs: dict[int, float] = {}
    if shape.base is not None:
        shape.cost(context, shape.base)  # The first input of a kind costs more than the following ones.
    for size in shape.sizes if shape.base is None else (shape.base, *shape.sizes):
        context.budget.check()
        if until.passed:
            outcome.note(f"{shape.name}: the server is slow, so larger sizes were not tried")
            break
        outcome.connections += 1
        try:
            cost = shape.cost(context, size)
        except TargetError:
            cost = None
        if cost is None:
            break  # The server refuses this size; the smaller sizes are still usable.
        costs[size] = cost
        if _is_clear(_without_base(costs, shape), shape):
            break
    return _without_base(costs, shape)


def _without_base(costs: dict[int, float], shape: Shape) -> list[Cost]:
    """The costs of the sizes, without the cost that is always present."""
    always_ns = costs.get(shape.base, 0.0) if shape.base is not None else 0.0
    floor = shape.least_ns / _FLOOR
    return [Cost(size, max(cost - always_ns, floor)) for size, cost in costs.items() if size != shape.base]


def _is_clear(costs: list[Cost], shape: Shape) -> bool:
    """Whether the sizes so far show a cost that grows too fast and is large already."""
    return bool(costs) and costs[-1].cost_ns >= _PLENTY * shape.least_ns and is_superlinear(costs, shape.least_ns)


def _describe_costs(costs: list[Cost]) -> str:
    return ", ".join(f"{cost.size:,} cost {cost.cost_ns / 1e6:.2f} ms" for cost in costs)


# Messages.


def _fragments_cost(context: RobustnessContext, count: int, size: int) -> float | None:
    """The cost in ns of one message of `count` fragments of `size` bytes; None if the server refuses it."""
    long = long_message(context.profile, count - 1, size)
    if long.whole is None:
        return None
    reply = context.profile.reply_to(long.whole)
    data = b"".join(long.fragments) + long.end()
    if reply is None:
        data += Frame(Opcode.PING, _END, mask=MASK).encode()
    with context.client(max_message_bytes=1 << 26) as client:
        return _cost_of(context, client, data, reply)


def _cost_of(context: RobustnessContext, client: Client, data: bytes, reply: Message | None) -> float | None:
    def is_over(event: Event) -> bool:
        if isinstance(event, CloseReceived):
            return True
        if reply is None:
            return isinstance(event, PongReceived) and event.payload == _END
        return MessageEvents.message(event) is not None

    before = context.cpu_ns()
    client.send_raw(data)
    has_come = context.wait_busy(client, is_over)
    after = context.cpu_ns()
    if not has_come or isinstance(client.events[-1], CloseReceived) or client.ended:
        return None
    return float(after - before)


def _of_fragments(name: str, size: int, counts: tuple[int, ...]) -> Shape:
    return Shape(name, "fragments", counts, lambda context, count: _fragments_cost(context, count, size), _MESSAGE_NS)


_MESSAGES = (
    _of_fragments("one-byte fragments", 1, (1_000, 2_000, 4_000, 8_000, 16_000)),
    _of_fragments("256-byte fragments", 256, (500, 1_000, 2_000, 4_000, 8_000)),
)


# Handshakes.


def _handshakes_cost(context: RobustnessContext, size: int, lines: Callable[[int], Headers]) -> float | None:
    """The cost in ns of one handshake, as the least mean of several batches. None if its size is refused."""
    plain = context.endpoint.request(_KEY)
    request = replace(plain, headers=plain.headers + lines(size))
    costs = []
    for _ in range(_BATCHES):
        before = context.cpu_ns()
        for _ in range(_HANDSHAKES):
            context.budget.check()
            client = Client(context.endpoint, deadline_s=context.budget.at_most(context.deadline_s), request=request)
            try:
                if client.open().status != 101:
                    return None
            finally:
                client.abort()
        batch_ns = context.cpu_ns() - before
        costs.append(batch_ns / _HANDSHAKES)
        if batch_ns >= _BATCH_NS:
            break
    return min(costs)


def _many_lines(size: int) -> Headers:
    return tuple((f"X-Line-{number}", "v" * 40) for number in range(size))


def _blanks(size: int) -> Headers:
    return (("X-Blanks", "a" + " " * size + "b"), ("Sec-WebSocket-Extensions", "x-none; a" + " " * size + "; b"))


def _parameters(size: int) -> Headers:
    return (("Sec-WebSocket-Extensions", "x-none" + "; p=1" * size),)


def _of_headers(name: str, of: str, sizes: tuple[int, ...], lines: Callable[[int], Headers]) -> Shape:
    return Shape(name, of, sizes, lambda context, size: _handshakes_cost(context, size, lines), _HANDSHAKE_NS, 0)


_HEADERS = (
    _of_headers("header lines", "lines", (11, 22, 44, 88), _many_lines),
    _of_headers("blanks in a header", "blanks", (400, 800, 1_600, 3_200), _blanks),
    _of_headers("parameters of an extension", "parameters", (75, 150, 300, 600), _parameters),
)


def _messages(context: RobustnessContext) -> RobustnessOutcome:
    return _find_superlinear(context, "cost-of-fragments", _MESSAGES)


def _handshakes(context: RobustnessContext) -> RobustnessOutcome:
    return _find_superlinear(context, "cost-of-handshake", _HEADERS)


TESTS: tuple[RobustnessTest, ...] = (
    RobustnessTest("cost-of-fragments", _messages, repeats_itself=True),
    RobustnessTest("cost-of-handshake", _handshakes, repeats_itself=True),
)
