"""Can this measurement be trusted? Every caution names the cause and the next thing to try.

Six things void a measurement (it is *untrusted*): the generator was the bottleneck, the plan was not carried out (work
was left unsent, or subscribers were refused), messages left late, too much of latency p99 may be the generator's own,
another measurement ran at the same time, or nothing was measured at all. The rest is advice: the numbers stand, with a
grain of salt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from wsproof.model.contract import Audience
from wsproof.model.history import Departure, Member, Outcome
from wsproof.model.measurement import Measurement
from wsproof.model.plan import Phase
from wsproof.model.record import Caution
from wsproof.stats.metrics import METRICS_BY_NAME, Observed
from wsproof.stats.own_delay import own_delay
from wsproof.stats.summary import ENOUGH, nearest_rank

MAX_GENERATOR_CPU = 0.80
"""Share of one core. Above it queues grow inside the generator, and its own delay is reported as the server's."""
MIN_SLIP_NS = 1_000_000
SLIP_SHARE_OF_LATENCY = 0.10
MAX_OWN_SHARE = 0.20
"""Of latency p99: what the generator may have added to it, beside what the server took."""
ALWAYS_NS = 150_000
"""What is added to one message in a hundred even where nothing waits: processes are woken, bytes are copied."""
RESOLUTION_NS = 250_000
"""What the engine cannot tell apart from that on a machine with few cores (benchmarks, "Truth")."""
LOOP_LAG_NS = 5_000_000
MS = 1e6


def judge_trust(measurement: Measurement) -> tuple[Caution, ...]:
    """All cautions of a measurement, the voiding ones first. Trusted means: none of them voids."""
    observed = Observed(measurement)
    found = [caution for rule in RULES for caution in rule(observed)]
    return tuple(sorted(found, key=lambda caution: not caution.voids))


def _generator_cpu(observed: Observed) -> Iterator[Caution]:
    generator = observed.measurement.generator
    busiest = float(generator.cpu_share.max(initial=0.0))
    if busiest > MAX_GENERATOR_CPU:
        yield Caution(
            "generator-cpu",
            f"The load generator used {busiest:.0%} of a core in one second (limit {MAX_GENERATOR_CPU:.0%}): "
            "part of the measured time may be its own.",
            f"{_less_load(observed)}, or more generator processes (now {generator.processes}) where cores are free.",
            voids=True,
        )


def _unsent(observed: Observed) -> Iterator[Caution]:
    published = observed.history.publications
    failed = (published.phase == Phase.MEASURED) & (published.outcome == Outcome.FAILED)
    gone = int(np.count_nonzero(failed))
    if gone:
        yield Caution(
            "unpublished",
            f"{_count(gone, 'publication', 'publications')} could not be made, because the publisher's connection was "
            "gone: the plan was not carried out, so the numbers describe a lighter load.",
            "Look at the findings and at the server's output: it ended a publisher's connection, or refused it.",
            voids=True,
        )
    unsent = observed.measurement.generator.unsent
    if unsent:
        yield Caution(
            "unsent",
            f"{_count(unsent, 'publication was', 'publications were')} due and still unsent when the window ended: "
            "the plan was not carried out, so the numbers describe a lighter load.",
            f"{_less_load(observed)}; if the generator's CPU is low, the server does not take what is sent to it.",
            voids=True,
        )


def _slip(observed: Observed) -> Iterator[Caution]:
    slip = METRICS_BY_NAME["schedule_slip"].compute(observed)
    if slip is None or not len(slip):
        return
    latency = np.sort(observed.deliveries.latency_ns)
    latency_p99 = nearest_rank(latency, 0.99) if len(latency) else 0.0
    limit = max(MIN_SLIP_NS, SLIP_SHARE_OF_LATENCY * latency_p99)
    if len(slip) >= ENOUGH["p99"]:
        late, what = nearest_rank(np.sort(slip), 0.99), "schedule slip p99 is"
    elif len(latency):
        # So few have no p99, only a latest; but their deliveries have one, with the delay and without.
        late = latency_p99 - nearest_rank(np.sort(observed.deliveries.service_ns), 0.99)
        what = f"of {len(slip)} publications some so late that they raised latency p99 by"
    else:
        late, what = float(slip.max()), "the latest by"
    if late > limit:
        yield Caution(
            "schedule-slip",
            f"Messages left late: {what} {late / MS:.2f} ms (limit {limit / MS:.2f} ms: the larger "
            "of 1 ms and a tenth of latency p99). Latency counts this delay, but the server did not cause it.",
            "Give the generator a core of its own (close other programs, pin the server elsewhere), "
            + _less_load(observed, start="or use "),
            voids=True,
        )


def _own_delay(observed: Observed) -> Iterator[Caution]:
    """Slip and reading together. Where `_slip` speaks already, there is nothing to add."""
    if len(observed.deliveries.received_ns) < ENOUGH["p99"] or observed.closed or any(_slip(observed)):
        return
    delay = own_delay(observed.deliveries, observed.measurement.generator.turns)
    if delay is None:
        return
    added_ns = delay.p99_ns - delay.without_ns + ALWAYS_NS
    if added_ns > max(RESOLUTION_NS, MAX_OWN_SHARE * (delay.p99_ns - added_ns)):
        processes = observed.measurement.generator.processes
        yield Caution(
            "generator-delay",
            f"Of latency p99 ({delay.p99_ns / MS:.2f} ms) some {added_ns / MS:.2f} ms are the load generator's own: "
            "messages left late, or lay there while it read those before them. "
            f"(Limit: {MAX_OWN_SHARE:.0%} of the rest, or {RESOLUTION_NS / MS:.2f} ms, whichever is more.)",
            "Read it as an upper bound: the server is no slower than this. To come closer, use more generator "
            f"processes (--processes, now {processes}) where cores are free, or {_less_load(observed, start='')}.",
            voids=True,
        )


def _not_alone(observed: Observed) -> Iterator[Caution]:
    if not observed.measurement.generator.alone:
        yield Caution(
            "not-alone",
            "Another wsproof measurement ran on this machine at the same time, and both took each other's CPU.",
            "Wait until it has ended (`wsproof list runs` shows it), then measure again.",
            voids=True,
        )


def _loop_lag(observed: Observed) -> Iterator[Caution]:
    lag = observed.measurement.generator.loop_lag_ns
    if not len(lag):
        return
    late = nearest_rank(np.sort(lag), 0.99)
    if late > LOOP_LAG_NS:
        yield Caution(
            "loop-lag",
            f"The generator's event loop woke up to {late / MS:.1f} ms late (p99): receipts may be stamped that late.",
            "Something else wants this core: close it, or measure on a quieter machine.",
        )


def _few_samples(observed: Observed) -> Iterator[Caution]:
    if observed.measurement.contract.feed is not None:
        return
    count = len(observed.deliveries.latency_ns)
    missing = [name for name in ("p99", "p999") if count < ENOUGH[name]]
    if not count and observed.measurement.contract.audience is not Audience.NOBODY:
        yield Caution(
            "nothing-measured",
            "Not one delivery belongs to the measured window, so there is nothing to judge by.",
            "Measure longer (--duration) or with a higher --rate; if there were publications, look at the findings.",
            voids=True,
        )
    if count and missing:
        plan = observed.measurement.plan
        yield Caution(
            "few-samples",
            f"{_count(count, 'delivery', 'deliveries')} in the window: too few for {' and '.join(missing)}, "
            f"which need{'s' if len(missing) == 1 else ''} {ENOUGH[missing[0]]}"
            + (f" and {ENOUGH[missing[1]]}." if len(missing) > 1 else "."),
            f"Measure longer than {plan.duration_s:g} s (--duration), or with more than "
            f"{_count(plan.subscribers, 'subscriber', 'subscribers')} (--subscribers).",
        )


def _stdlib_loop(observed: Observed) -> Iterator[Caution]:
    loop = observed.measurement.generator.loop
    if loop == "gevent":
        yield Caution(
            "gevent-loop",
            "The generator ran on gevent under Locust, which costs several times as much CPU per message as wsproof's "
            "own engine: part of the latency may be its own.",
            "Use `wsproof bench` for latency figures; compare only runs that used the same loop.",
        )
    elif "uvloop" not in loop.lower():
        asked = observed.measurement.plan.event_loop != "auto"
        better = "Leave out --loop" if asked else "Install uvloop where it exists (`pip install uvloop`)"
        yield Caution(
            "stdlib-loop",
            f"The generator ran on {loop}, which costs about a quarter more CPU per message than uvloop.",
            f"{better}; compare only runs that used the same loop.",
        )


def _incomplete_ramp(observed: Observed) -> Iterator[Caution]:
    members = observed.history.members
    missing = [member for member in members if not member.in_ns]
    refused = sum(member.departure is Departure.REFUSED for member in missing)
    if not refused:
        missing = [member for member in missing if _may_hear(member, observed)]
    if missing:
        why = f", {refused} of them because the connection was refused" if refused else ""
        yield Caution(
            "incomplete-ramp",
            f"{len(missing)} of {_count(len(members), 'subscriber', 'subscribers')} never received anything{why}: "
            "the load was lighter than planned.",
            "Look at the findings and at the server's output; raise its file limit (`ulimit -n`), or ask for fewer "
            "--subscribers.",
            voids=bool(refused),
        )


def _may_hear(member: Member, observed: Observed) -> bool:
    """Whether this member is in the audience of anybody: an echo is heard by those who speak, and by nobody else."""
    contract = observed.measurement.contract
    publishers = set(observed.history.publications.publisher.tolist())
    if contract.feed is not None or contract.audience is Audience.EVERYONE:
        return True
    if contract.audience is Audience.OTHERS:
        return bool(publishers - {member.number})
    return member.number in publishers


def _deflate_declined(observed: Observed) -> Iterator[Caution]:
    if not observed.measurement.plan.deflate:
        return
    opened = sum(member.connected_ns > 0 for member in observed.history.members)
    taken = observed.measurement.generator.deflated
    if taken < opened:
        yield Caution(
            "deflate-declined",
            f"Compression was offered (--deflate), and the server took it on {taken:,} of "
            f"{_count(opened, 'connection', 'connections')}: the rest was measured with plain frames.",
            "Turn permessage-deflate on in the server, or leave out --deflate.",
        )


def _server_silent(observed: Observed) -> Iterator[Caution]:
    usage = observed.measurement.server
    if usage is not None and usage.trouble:
        yield Caution(
            "metrics-url",
            f"What the server uses is not known, or in part: its --metrics-url failed ({usage.trouble}).",
            "Ask for it with `curl`; it must have process_cpu_seconds_total and process_resident_memory_bytes.",
        )


def _less_load(observed: Observed, *, start: str = "Use ") -> str:
    plan = observed.measurement.plan
    many = f"fewer subscribers than {plan.subscribers} (--subscribers)"
    if observed.measurement.contract.feed is not None:
        return start + many
    return f"{start}a lower rate than {plan.rate_hz:g} Hz (--rate) or {many}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


RULES: tuple[Callable[[Observed], Iterator[Caution]], ...] = (
    _generator_cpu,
    _unsent,
    _slip,
    _own_delay,
    _not_alone,
    _incomplete_ramp,
    _loop_lag,
    _few_samples,
    _stdlib_loop,
    _deflate_declined,
    _server_silent,
)
