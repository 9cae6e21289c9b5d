"""Trust rules. Every warning names the cause, the invalid figures, and the next thing to try.

Trust is judged by effect, figure by figure. The load generator may have sent late, read late, or had no CPU time left.
This invalidates the figures that would be different without it, and no others. Latency p99 may be invalid while p50,
reach and delivery are valid. Three causes invalidate every figure that depends on time, because nobody can know its
true value:

- The plan was not carried out: publications were left unsent, or subscribers were refused.
- Another measurement ran at the same time.
- The generator had no CPU time left in most of the window.

If the kernel stamped what arrived, it does not matter when the generator read it, with two exceptions. It may have left
a receive buffer full: the server then had to wait. And of messages that it read together, only the last has an exact
time. Without the kernel's stamps no message has one.

The other warnings are advice and invalidate nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from wsproof.model.contract import Audience
from wsproof.model.history import Departure, Member, Outcome
from wsproof.model.measurement import Measurement
from wsproof.model.plan import Phase
from wsproof.model.summary import Summary, TrustWarning
from wsproof.stats.arrival_stamps import arrival_intervals, full_buffer_ns
from wsproof.stats.generator_effect import TAIL, DeliveryTimes, Effect, Limit, own_delays, sent_late, without_seconds
from wsproof.stats.load_advice import controls_of
from wsproof.stats.metrics import METRICS_BY_NAME, Observed, summaries
from wsproof.stats.summary import ENOUGH, nearest_rank
from wsproof.stats.void_figures import Doubt, Trust, doubt, doubt_of

MAX_GENERATOR_CPU = 0.80
"""Share of one core. Above it, queues grow inside the generator, and its own delay would be reported as the
server's."""
MIN_SLIP_NS = 1_000_000
"""Smallest limit, in ns, of the part that late sends may have in a figure."""
SLIP_SHARE_OF_LATENCY = 0.10
"""Share of a figure that late sends may have."""
MAX_OWN_SHARE = 0.20
"""Largest share of a figure that the generator may have added to the server's part."""
RESOLUTION_NS = 250_000
"""Smallest delay, in ns, that the engine can tell on a machine with few cores (benchmarks, "Truth")."""
LOOP_LAG_NS = 5_000_000
"""Event-loop lag p99, in ns, above which a warning is given."""
MS = 1e6
SLIP_LIMIT = Limit(SLIP_SHARE_OF_LATENCY, MIN_SLIP_NS)
OWN_LIMIT = Limit(MAX_OWN_SHARE, RESOLUTION_NS)
CPU_LIMIT = Limit(SLIP_SHARE_OF_LATENCY, RESOLUTION_NS)
MAX_HELD_BACK = 0.01
"""Share of the deliveries that were read from a full buffer, above which every figure is invalid and not only tails."""
TIMES = ("latency", "service_time", "time_to_last", "spread", "feed_spread", "feed_period_error")
"""Metrics that time deliveries or ticks."""
LOADED = (*TIMES, "deliveries_per_s", "server_cpu_per_delivery", "server_switches_per_delivery")
"""Figures that depend on the load. They are invalid if the load differed from the plan."""
MACHINE = (*LOADED, "connect_time")
"""Figures that depend on the available CPU time. They are invalid if another process took it."""
NOTHING_MEASURED = "nothing-measured"
"""Code of the only warning that means that there is no figure at all."""
SHOWN = 4
"""Invalid figures that a warning shows with both values. It only names the others."""


def trust_of(measurement: Measurement, doubts: Sequence[Doubt] = ()) -> Trust:
    """Apply all rules to a measurement. `doubts`: further doubts of the caller."""
    observed = Observed(measurement)
    all_doubts = [*doubts, *(raised for rule in RULES for raised in rule(observed))]
    return Trust(tuple(sorted(all_doubts, key=lambda raised: not raised.caution.invalidates)))


def judge_trust(measurement: Measurement) -> tuple[TrustWarning, ...]:
    """All warnings of a measurement, the invalidating ones first. It is trusted if none of them invalidates figures."""
    return trust_of(measurement).cautions


def judged_summaries(
    measurement: Measurement, doubts: Sequence[Doubt] = ()
) -> tuple[dict[str, Summary], tuple[TrustWarning, ...]]:
    """Compute every metric, with the invalid figures marked, and all warnings."""
    trust = trust_of(measurement, doubts)
    return trust.mark(summaries(measurement)), trust.cautions


def _listed(effects: list[Effect], qualifier: str) -> str:
    """The figures with both values: "latency p99 (5.72 ms, 4.1 ms without)"."""
    order = sorted(effects, key=lambda effect: (TIMES.index(effect.metric), effect.statistic != "p99"))
    shown = [
        f"{_figure(each)} ({each.show(each.reported)}; {each.show(each.without)} {qualifier})" for each in order[:SHOWN]
    ]
    return ", ".join(shown + [_figure(each) for each in order[SHOWN:]])


def _figure(effect: Effect) -> str:
    statistic = "p99.9" if effect.statistic == "p999" else effect.statistic
    return f"{effect.metric.replace('_', ' ')} {statistic}"


def _timed(observed: Observed) -> DeliveryTimes | None:
    """The times of the deliveries. None if there are no deliveries, or if the run was a closed loop."""
    if observed.closed or not len(observed.deliveries.received_ns):
        return None
    return DeliveryTimes(observed)


def _generator_cpu(observed: Observed) -> Iterator[Doubt]:
    generator = observed.measurement.generator
    busy = generator.cpu_share > MAX_GENERATOR_CPU
    if not busy.any():
        return
    seconds = _count(int(np.count_nonzero(busy)), "second", "seconds")
    usage = (
        f"The load generator used {float(generator.cpu_share.max()):.0%} of a core in one second "
        f"(limit {MAX_GENERATOR_CPU:.0%}, exceeded in {seconds} of {len(busy)}): "
    )
    remedy = f"{_less_load(observed)}, or more generator processes (now {generator.processes}) where cores are free."
    times = _timed(observed)
    if times is None or np.count_nonzero(busy) * 2 > len(busy):
        why = "part of the measured time may be its own."
        yield doubt("generator-cpu", usage + why, remedy, (*TIMES, "deliveries_per_s"))
        return
    effects = list(without_seconds(observed, times, busy, CPU_LIMIT))
    if effects:
        why = f"these figures would be lower otherwise: {_listed(effects, 'without these seconds')}."
        yield doubt_of("generator-cpu", usage + why, remedy, effects)
    else:
        yield doubt("generator-cpu", f"{usage}without these seconds no figure would be lower.", remedy)


def _unsent(observed: Observed) -> Iterator[Doubt]:
    published = observed.history.publications
    failed = (published.phase == Phase.MEASURED) & (published.outcome == Outcome.FAILED)
    gone = int(np.count_nonzero(failed))
    if gone:
        yield doubt(
            "unpublished",
            f"{_count(gone, 'publication', 'publications')} could not be made, because the publisher's connection was "
            "gone: the plan was not carried out, so the numbers describe a lighter load.",
            "Look at the findings and at the server's output: it ended a publisher's connection, or refused it.",
            LOADED,
        )
    failed = (Outcome.REFUSED, Outcome.INFO) if observed.history.refusals else (Outcome.REFUSED,)
    refused = (published.phase == Phase.MEASURED) & np.isin(published.outcome, failed)
    if refused.any():
        answers = ", ".join(sorted({refusal.reason.partition(":")[0] for refusal in observed.history.refusals}))
        yield doubt(
            "refused",
            f"{int(np.count_nonzero(refused))} of the window's "
            f"{int(np.count_nonzero(published.phase == Phase.MEASURED))} requests that should publish did not succeed "
            f"({answers}): the plan was not carried out, so the numbers describe a lighter load.",
            f"If the answer is 429, stay below the server's limit ({controls_of(observed.measurement).rate_option}, or "
            "more publishers); otherwise see publish() of the workload.",
            LOADED,
        )
    unsent = observed.measurement.generator.unsent
    if unsent:
        yield doubt(
            "unsent",
            f"{_count(unsent, 'publication was', 'publications were')} due and still unsent when the window ended: "
            "the plan was not carried out, so the numbers describe a lighter load.",
            f"{_less_load(observed)}; if the generator's CPU usage is low, the server does not read fast enough.",
            LOADED,
        )


def _lateness(observed: Observed) -> Iterator[Doubt]:
    """Warn of messages that were sent late or read late."""
    times = _timed(observed)
    if times is None:
        return
    late = list(sent_late(times, SLIP_LIMIT))
    late += _others(own_delays(times, OWN_LIMIT, reading=False), late)
    yield from _sent_late(observed, times, late)
    yield from _read_late(observed, _others(own_delays(times, OWN_LIMIT), late))


def _others(effects: Iterable[Effect], known: Iterable[Effect]) -> list[Effect]:
    """The effects on other figures than those of the known effects."""
    names = {effect.name for effect in known}
    return [effect for effect in effects if effect.name not in names]


def _read_late(observed: Observed, effects: list[Effect]) -> Iterator[Doubt]:
    """Warn where messages lack an exact arrival time, and a figure depends on it."""
    if not effects:
        return
    generator = observed.measurement.generator
    if _by_kernel(observed):
        messages = arrival_intervals(generator.stamps).messages
        reason = (
            f"{_count(messages, 'message', 'messages')} together with a later one of the same connection, whose "
            "arrival time they got"
        )
    else:
        reason = "the kernel does not stamp these connections, and some messages waited while others were read"
    yield doubt_of(
        "inexact-arrival-times",
        f"The load generator read late: {reason}. These figures may be lower: "
        f"{_listed(effects, 'if each arrived as early as possible')}.",
        f"{_less_load(observed)}, or more generator processes (now {generator.processes}) where cores are free.",
        effects,
    )


def _by_kernel(observed: Observed) -> bool:
    """Whether the kernel stamped the receipts."""
    return observed.measurement.generator.stamps.clock == "kernel"


def _full_buffers(observed: Observed) -> Iterator[Doubt]:
    """Warn where the generator left a receive buffer full, so that the server had to wait for it."""
    full_ns = full_buffer_ns(observed.measurement.generator.stamps)
    if not len(full_ns):
        return
    received_ns = observed.deliveries.received_ns
    hit = float(np.isin(received_ns, full_ns).mean()) if len(received_ns) else 1.0
    tails = [f"{metric}.{statistic}" for metric in TIMES for statistic in sorted(TAIL)]
    times = _count(len(full_ns), "time", "times")
    yield doubt(
        "receive-buffer-full",
        f"The load generator left the kernel's receive buffer of a connection full {times} "
        f"({hit:.1%} of the deliveries): the server could send no more until it read.",
        f"{_less_load(observed)}, or more generator processes (now {observed.measurement.generator.processes}) "
        "where cores are free.",
        (*TIMES, "deliveries_per_s") if hit > MAX_HELD_BACK else tails,
    )


def _clock_step(observed: Observed) -> Iterator[Doubt]:
    """Warn if somebody set the wall clock: the kernel's stamps come from it."""
    history = observed.history
    for after_ns, before_ns, by_ns in observed.measurement.generator.stamps.steps.tolist():
        if before_ns >= history.start_ns and after_ns <= history.drained_ns:
            yield doubt(
                "clock-step",
                f"Somebody set this machine's wall clock, by {by_ns / MS:+,.3f} ms, "
                f"{(after_ns - history.start_ns) / 1e9:.2f} to {(before_ns - history.start_ns) / 1e9:.2f} s after the "
                "window began: arrival times in that interval may be wrong by as much.",
                "Measure again. A time service that slews the clock, instead of setting it, does no harm.",
                TIMES,
            )


def _sent_late(observed: Observed, times: DeliveryTimes, effects: list[Effect]) -> Iterator[Doubt]:
    """Warn of late sends. Only the generator causes them: an open loop sends without waiting for anybody."""
    slip = METRICS_BY_NAME["schedule_slip"].compute(observed)
    if slip is None or not len(slip):
        return
    few = len(slip) < ENOUGH["p99"]
    lateness = float(slip.max()) if few else nearest_rank(np.sort(slip), 0.99)
    message = (
        "Messages were sent late, not caused by the server: "
        f"{'the latest by' if few else 'schedule slip p99 is'} {lateness / MS:.2f} ms. "
    )
    remedy = (
        "Give the generator a core of its own (close other programs, pin the server elsewhere), "
        f"{_less_load(observed, start='or use ')}."
    )
    if effects:
        void = f"These figures would be lower otherwise: {_listed(effects, 'without late sends')}."
        yield doubt_of("schedule-slip", message + void, remedy, effects)
        return
    figure = ("latency", "p99")
    reported, as_sent = times.figures(), times.figures(as_sent=True)
    if not few and figure in reported and lateness > SLIP_LIMIT.of(reported[figure]):
        show = METRICS_BY_NAME["latency"].show
        figures = f"{show(reported[figure])} from the intended time, {show(as_sent[figure])} from the actual send"
        yield doubt("schedule-slip", f"{message}That voids no figure: latency p99 is {figures}.", remedy)


def _not_alone(observed: Observed) -> Iterator[Doubt]:
    if not observed.measurement.generator.alone:
        yield doubt(
            "concurrent-measurement",
            "Another wsproof measurement ran on this machine at the same time, and both competed for the CPU.",
            "Wait until it has ended (`wsproof list runs` shows it), then measure again.",
            MACHINE,
        )


def _loop_lag(observed: Observed) -> Iterator[Doubt]:
    lag = observed.measurement.generator.loop_lag_ns
    if not len(lag) or _by_kernel(observed):
        return
    late = nearest_rank(np.sort(lag), 0.99)
    if late > LOOP_LAG_NS:
        yield doubt(
            "loop-lag",
            f"The generator's event loop woke up to {late / MS:.1f} ms late (p99): receipts may be stamped that late. "
            "Figures that this may have changed are void; the others are valid.",
            "Another process uses this core: close it, or measure on a quieter machine.",
        )


def _few_samples(observed: Observed) -> Iterator[Doubt]:
    if observed.measurement.contract.feed is not None:
        return
    count, controls = len(observed.deliveries.latency_ns), controls_of(observed.measurement)
    missing = [name for name in ("p99", "p999") if count < ENOUGH[name]]
    if not count and observed.measurement.contract.audience is not Audience.NOBODY:
        yield doubt(
            NOTHING_MEASURED,
            "No delivery belongs to the measured window, so nothing was measured.",
            f"Measure longer ({controls.duration_option}) or with a higher rate ({controls.rate_option}); if there "
            "were publications, look at the findings.",
            LOADED,
        )
    if count and missing:
        yield doubt(
            "few-samples",
            f"{_count(count, 'delivery', 'deliveries')} in the window: too few for {' and '.join(missing)}, "
            f"which need{'s' if len(missing) == 1 else ''} {ENOUGH[missing[0]]}"
            + (f" and {ENOUGH[missing[1]]}." if len(missing) > 1 else "."),
            controls.more_deliveries(observed.measurement.plan),
        )


def _stdlib_loop(observed: Observed) -> Iterator[Doubt]:
    loop = observed.measurement.generator.loop
    if loop == "gevent":
        yield doubt(
            "gevent-loop",
            "The generator ran on gevent under Locust, which costs several times as much CPU per message as wsproof's "
            f"own engine{'' if _by_kernel(observed) else ': part of the latency may be its own'}.",
            "Use `wsproof bench` for latency figures; compare only runs that used the same loop.",
        )
    elif "uvloop" not in loop.lower():
        is_chosen = observed.measurement.plan.event_loop != "auto"
        better = "Leave out --loop" if is_chosen else "Install uvloop where it exists (`pip install uvloop`)"
        yield doubt(
            "stdlib-loop",
            f"The generator ran on {loop}, which costs about a quarter more CPU per message than uvloop.",
            f"{better}; compare only runs that used the same loop.",
        )


def _incomplete_ramp(observed: Observed) -> Iterator[Doubt]:
    members = observed.history.members
    missing = [member for member in members if not member.in_ns]
    refused = sum(member.departure is Departure.REFUSED or bool(member.join_fault) for member in missing)
    if not refused:
        missing = [member for member in missing if _may_receive(member, observed)]
    if missing:
        controls = controls_of(observed.measurement)
        why = f", {refused} of them because the server refused them or did not let them join" if refused else ""
        yield doubt(
            "incomplete-ramp",
            f"{len(missing)} of {controls.count(len(members))} never received anything{why}: "
            "the load was lighter than planned.",
            "Look at the findings and at the server's output; raise its file limit (`ulimit -n`), or use fewer "
            f"{controls.members} ({controls.members_option}).",
            LOADED if refused else (),
        )


def _may_receive(member: Member, observed: Observed) -> bool:
    """Whether this member is in the audience of any publisher. An echo, for example, reaches only its own publisher."""
    contract = observed.measurement.contract
    publishers = set(observed.history.publications.publisher.tolist())
    if contract.feed is not None or contract.audience is Audience.EVERYONE:
        return True
    if contract.audience is Audience.OTHERS:
        return bool(publishers - {member.number})
    return member.number in publishers


def _deflate_declined(observed: Observed) -> Iterator[Doubt]:
    if not observed.measurement.plan.deflate:
        return
    opened = sum(member.connected_ns > 0 for member in observed.history.members)
    taken = observed.measurement.generator.deflated
    if taken < opened:
        yield doubt(
            "deflate-declined",
            f"Compression was offered (--deflate), and the server accepted it on {taken:,} of "
            f"{_count(opened, 'connection', 'connections')}: the others were measured without compression.",
            "Turn permessage-deflate on in the server, or leave out --deflate.",
        )


def _metrics_url_failed(observed: Observed) -> Iterator[Doubt]:
    usage = observed.measurement.server
    if usage is not None and usage.trouble:
        yield doubt(
            "metrics-url",
            f"The resource usage of the server is unknown or incomplete: its --metrics-url failed ({usage.trouble}).",
            "Try it with `curl`: it must have process_cpu_seconds_total and process_resident_memory_bytes.",
        )


def _less_load(observed: Observed, *, start: str = "Use ") -> str:
    measured = observed.measurement
    return controls_of(measured).less(measured.plan, is_feed=measured.contract.feed is not None, start=start)


def _count(number: int, singular: str, plural: str) -> str:
    return f"{number:,} {singular if number == 1 else plural}"


RULES: tuple[Callable[[Observed], Iterator[Doubt]], ...] = (
    _generator_cpu,
    _unsent,
    _lateness,
    _not_alone,
    _incomplete_ramp,
    _full_buffers,
    _clock_step,
    _loop_lag,
    _few_samples,
    _stdlib_loop,
    _deflate_declined,
    _metrics_url_failed,
)
