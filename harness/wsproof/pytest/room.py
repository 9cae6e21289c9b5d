"""`ws_room`: members of one channel, and the judgement of what each of them received.

def test_everybody_hears_everybody(ws_room):
    room = ws_room(10)
    room.say(0, "hello")
    room.leave(3)
    room.say(1, "is anybody here?")
    room.assert_delivered()
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wsproof.checks import run_checks
from wsproof.delivery.client_pool import ClientPool
from wsproof.delivery.execute import ScheduleExecution, concluded, execute_step
from wsproof.delivery.member import PoolMember
from wsproof.delivery.pool_settings import PoolSettings
from wsproof.delivery.schedule import Action, LeaveBy, Step
from wsproof.errors import UsageError
from wsproof.model.finding import Finding
from wsproof.model.history import History
from wsproof.model.member_ids import draw_share
from wsproof.pytest.connections import TIMEOUT_S, counting
from wsproof.target.server import RunningServer
from wsproof.workloads import Workload


class WsRoom:
    """Members that have joined one channel. Members are numbered from 0, in the order in which they joined.

    Members read while a method of the room runs, and not in between.
    """

    def __init__(self, pool: ClientPool, server: RunningServer) -> None:
        self._pool = pool
        self._server = server
        self._joined: dict[int, PoolMember] = {}
        self._execution: ScheduleExecution | None = None

    def __len__(self) -> int:
        return len(self._joined)

    def join(self, count: int = 1, *, room: int = 0) -> None:
        """Let more members join, and wait until the server delivers to each of them. `room` is a room of the workload.

        Raises:
            AssertionError: the server does not let a member in.
        """
        __tracebackhide__ = True
        for number in range(len(self._joined), len(self._joined) + count):
            self._execute(Step(Action.JOIN, number, room=room))
            member = self._joined[number]
            if not member.can_send:
                reason = member.refusal or member.join_fault or "the server ended its connection"
                raise AssertionError(f"member {number} of {self._channel} could not join: {reason}")

    def say(self, member: int, text: str) -> None:
        """Let a member publish a text. An envelope is appended, so that each receipt can be assigned to it."""
        self._execute(self._step(Action.SAY, member, body=text))

    def leave(self, member: int, *, by: str = "close") -> None:
        """Let a member go: by a `close` frame, by `fin`, or by `reset`."""
        self._execute(self._step(Action.LEAVE, member, leave_by=LeaveBy(by)))

    def stall(self, member: int) -> None:
        """Let a member stop reading, once it has received all that it must. The others must not be affected."""
        self._execute(self._step(Action.STALL, member))

    def settle(self) -> bool:
        """Wait until every member has received all that it must; False if something is missing."""
        return self._pool.settle()

    def history(self) -> History:
        """All that happened. All members leave first."""
        return self._concluded().history

    def findings(self) -> list[Finding]:
        """Return the breaches of the channel's contract, without known deviations. All members leave first."""
        return counting(run_checks(self.history(), self._pool.contract), self._server)

    def assert_delivered(self) -> None:
        """Assert that the channel kept its contract: each member received each message, once, unchanged and in order.

        Call it last: it waits for messages that are on their way, and all members leave.

        Raises:
            AssertionError: something was lost, repeated, reordered, damaged or sent to the wrong member, or nothing can
                be known. The message says what, with the evidence.
        """
        __tracebackhide__ = True
        findings = self.findings()
        if findings:
            raise AssertionError("\n\n".join(map(_finding_text, findings)))

    def close(self) -> None:
        """Disconnect all members. Further calls do nothing."""
        self._pool.disconnect_all()

    @property
    def _channel(self) -> str:
        return self._pool.setting.workload.name

    def _step(self, action: Action, member: int, *, body: str = "", leave_by: LeaveBy = LeaveBy.CLOSE) -> Step:
        """A step of a member.

        Raises:
            UsageError: there is no such member, or it has left.
        """
        if member not in self._joined:
            raise UsageError(f"ws_room has no member {member}: it has {len(self)}, numbered from 0")
        if self._joined[member].left_ns:
            raise UsageError(f"member {member} of ws_room has left; let another one join: room.join()")
        return Step(action, member, body=body, leave_by=leave_by)

    def _execute(self, step: Step) -> None:
        if self._execution is not None:
            raise UsageError("this ws_room has been judged and its members have left; open another one: ws_room(N)")
        execute_step(self._pool, self._joined, step)

    def _concluded(self) -> ScheduleExecution:
        if self._execution is None:
            self._execution = concluded(self._pool)
        return self._execution


class WsRooms:
    """The value of the fixture `ws_room`: call it to open a room."""

    def __init__(self, server: RunningServer, workloads: Mapping[str, Workload], default: str) -> None:
        self._server = server
        self._workloads = workloads
        self._default = default
        self._rooms: list[WsRoom] = []

    def __call__(self, members: int, *, workload: str | None = None, timeout_s: float = TIMEOUT_S) -> WsRoom:
        """Let `members` join a channel. Name the `workload` if `--ws-channels` has several and none of them is `chat`.

        A message counts as lost if it is missing after no member has received anything for `timeout_s`.

        Raises:
            AssertionError: the server does not let a member in.
            UsageError: the channels have no such workload.
        """
        __tracebackhide__ = True
        pool = ClientPool(
            PoolSettings(
                self._server.endpoint,
                self._chosen(workload),
                draw_share(alone=False).first,
                2 * timeout_s,  # a pool gives up after half of its time without any message
                seed=len(self._rooms),
                alone=False,  # other tests, and `ws_client`, may have used the server as well
            )
        )
        room = WsRoom(pool, self._server)
        self._rooms.append(room)
        room.join(members)
        return room

    def close(self) -> None:
        """Disconnect all members of all rooms."""
        for room in self._rooms:
            room.close()

    def _chosen(self, name: str | None) -> Workload:
        chosen = self._default if name is None else name
        if chosen not in self._workloads:
            names = ", ".join(self._workloads)
            raise UsageError(
                f"the channels have no workload {chosen!r}: call ws_room(N, workload=...) with one of {names}"
            )
        return self._workloads[chosen]


def _finding_text(finding: Finding) -> str:
    lines: Iterable[str] = [
        f"{finding.check}: {finding.explanation}",
        *([f"  promised: {finding.source}"] if finding.source else []),
        *(f"    {line}" for line in finding.witness),
    ]
    return "\n".join(lines)
