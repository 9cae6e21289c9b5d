"""Records what the members of a pool receive: receipts, notices, damage and messages that cannot be placed."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace

from wsproof.checks.describe import shortened
from wsproof.delivery.member import PoolMember
from wsproof.delivery.pool_settings import PoolSettings
from wsproof.delivery.sent_messages import SentMessage, SentMessages
from wsproof.delivery.versions import VersionKeys
from wsproof.model.envelope import Envelope, Opened
from wsproof.model.history import Departure, Kind, PresenceNotice, Recorder, Tick, UnexpectedMessage
from wsproof.workloads import MessageKind, Parsed
from wsproof.workloads.damage import damage_of, damaged_text, unplaced
from wsproof.workloads.received import PUBLICATION_KINDS

IDENTIFYING = 16
"""Shortest common prefix, in characters, that identifies a truncated message. A shorter one may be chance."""


class MessageRecorder:
    """Matches each message that a member receives with a publication, and notes the result in the history.

    `members` is the pool's own list, which grows.
    """

    def __init__(
        self, setting: PoolSettings, members: Sequence[PoolMember], sent: SentMessages, recorder: Recorder
    ) -> None:
        self._first = setting.first
        self._is_alone = setting.alone
        self._members = members
        self._sent = sent
        self._recorder = recorder
        workload = setting.workload
        self._names_before = {workload.name_of(alias) for alias in range(setting.first)} if setting.alone else set()
        self.versions = VersionKeys()
        self.names_nobody = False
        """Whether deliveries arrive without the name of their publisher."""

    def record(
        self, member: PoolMember, parsed: Parsed, message: str | bytes, at: int, *, was_joining: bool = False
    ) -> None:
        """Note a message. `was_joining` says whether the member was still joining when it came."""
        if parsed.version is not None and parsed.envelope is None:
            keyed = self._keyed(parsed, is_joining=was_joining)
            if keyed is None:
                self._note_change(member, parsed, message, at, is_joining=was_joining)
                return
            parsed = keyed
        if self._recorder.drained_ns:
            self._read_late(member, parsed, at)
        else:
            self._read(member, parsed, message, at)

    def _keyed(self, parsed: Parsed, *, is_joining: bool) -> Parsed | None:
        """A message with a version, with the envelope of the publication that made it; None if no publication did."""
        assert parsed.version is not None
        key = self.versions.key_of(parsed.version, is_joining=is_joining)
        if key is None:
            return None
        envelope = Envelope(self._first + key[0], key[1], self._sent[key].sent_ns)
        return replace(parsed, envelope=Opened(envelope, intact=True, start=0))

    def _note_change(
        self, member: PoolMember, parsed: Parsed, message: str | bytes, at: int, *, is_joining: bool
    ) -> None:
        """Record a change of the state that no member of the pool published."""
        if is_joining or not self._is_alone or self._recorder.drained_ns:
            self._recorder.ignore(message)
        else:
            self._recorder.unexpected.append(UnexpectedMessage(member.number, at, parsed.text or str(message)))

    def _read_late(self, member: PoolMember, parsed: Parsed, at: int) -> None:
        """After the drain, record only messages that were still expected: they are late, not lost."""
        opened = parsed.envelope
        if parsed.kind in PUBLICATION_KINDS and opened is not None and opened.intact:
            key = (opened.publisher - self._first, opened.sequence, PUBLICATION_KINDS[parsed.kind])
            if key in member.outstanding:
                self._receive(member, parsed, at)

    def _read(self, member: PoolMember, parsed: Parsed, message: str | bytes, at: int) -> None:
        match parsed.kind:
            case MessageKind.TICK:
                value = dict(parsed.value) if parsed.value is not None else None
                self._recorder.ticks.append(Tick(member.number, at, value, parsed.text))
                member.ticks += 1
                member.in_ns = member.in_ns or at
            case MessageKind.IGNORED:
                member.other_messages.add(without_numbers(message))
                self._recorder.ignore(message)
            case MessageKind.LEAVE | MessageKind.JOIN if parsed.member is not None:
                self._note_presence(member, parsed.member, left=parsed.kind is MessageKind.LEAVE, at=at)
            case MessageKind.DELIVERY | MessageKind.REPLY:
                if parsed.kind is MessageKind.DELIVERY:
                    member.last_delivery = message
                self._receive(member, parsed, at)
            case _:
                member.other_messages.add(without_numbers(message))
                self._note_unplaced(member, parsed, message, at)

    def _note_unplaced(self, member: PoolMember, parsed: Parsed, message: str | bytes, at: int) -> None:
        """Record a message that the workload cannot place.

        If a publication can be found in it, that publication has arrived and is no longer waited for.
        """
        unexpected = unplaced(parsed, message, member.number, at, self._first)
        if unexpected.has_envelope and not (0 <= unexpected.publisher < len(self._members) or self._is_alone):
            return  # from another client of the server
        if self._is_excused(unexpected):
            self._recorder.ignore(message)
            return
        self._recorder.unexpected.append(unexpected)
        for kind in (Kind.REPLY, Kind.DELIVERY):
            key = (unexpected.publisher, unexpected.sequence, kind)
            if key in member.outstanding:
                member.outstanding.discard(key)
                return

    def _is_excused(self, unexpected: UnexpectedMessage) -> bool:
        """Whether a malformed message or an unusual name explains an unknown format.

        A name must not break the format itself: a text that begins as JSON must be JSON.
        """
        if any(member.is_fuzzing for member in self._members):
            return not unexpected.has_envelope or self._members[unexpected.publisher].is_fuzzing
        has_shape = unexpected.has_envelope and self._members[unexpected.publisher].shape is not None
        return has_shape and not (unexpected.text[:1] in ("{", "[") and not _is_json(unexpected.text))

    def _note_presence(self, member: PoolMember, about: str, *, left: bool, at: int) -> None:
        is_unsure = any(member.shape is not None or member.is_fuzzing for member in self._members)
        if not self._is_known(about) or (is_unsure and not any(member.name == about for member in self._members)):
            return
        self._recorder.notices.append(PresenceNotice(member.number, about, left, at))
        if left:
            member.outstanding_notices[about] -= 1

    def _receive(self, member: PoolMember, parsed: Parsed, at: int) -> None:
        kind = PUBLICATION_KINDS[parsed.kind]
        if parsed.envelope is None:
            self._receive_plain(member, parsed, kind, at)
            return
        envelope = parsed.envelope
        publisher = envelope.publisher - self._first
        is_ours = 0 <= publisher < len(self._members)
        if publisher < 0 or not (is_ours or self._is_alone):
            member.others_ns = at  # from an earlier pool, or from another client of the server
            return
        publication = self._sent.get((publisher, envelope.sequence))
        if is_ours and self._members[publisher].is_fuzzing:
            return
        name = self._members[publisher].name if is_ours else parsed.publisher or ""
        if is_ours and self._members[publisher].shape is not None and not self._is_another(publisher, parsed.publisher):
            name = parsed.publisher or name  # the server may normalise a name
        damage = damage_of(
            parsed, (publisher, envelope.sequence), name, publication.forms if publication is not None else ()
        )
        if damage is not None:
            self._recorder.damage.append(damage)
        self.names_nobody = self.names_nobody or (kind is Kind.DELIVERY and parsed.publisher is None)
        self._heard(member, publisher, envelope.sequence, kind, at, intact=damage is None)

    def _receive_plain(self, member: PoolMember, parsed: Parsed, kind: Kind, at: int) -> None:
        """Match a message without an envelope to the oldest publication with this sender and text.

        Publications that this member has already received are skipped. If the channel names no senders, the text alone
        decides.
        """
        for publication in self._sent:
            publisher = self._members[publication.publisher]
            if parsed.publisher is not None:
                speaks = publisher.name == parsed.publisher
            else:
                speaks = publisher is member if kind is Kind.REPLY else self._sent.is_for(member, publisher)
            if speaks and publication.plain == parsed.text and (member.number, kind) not in publication.heard_by:
                self._heard(member, publication.publisher, publication.sequence, kind, at, intact=True)
                return
        cut = self._cut_short(member, parsed, kind)
        if cut is not None:
            self._recorder.damage.append(damaged_text(parsed.text, (cut.publisher, cut.sequence), cut.forms))
            self._heard(member, cut.publisher, cut.sequence, kind, at, intact=False)
        elif any(p.is_fuzzing for p in self._members):
            self._recorder.ignore(parsed.text)
        elif parsed.publisher is None or self._is_known(parsed.publisher):
            self._recorder.unexpected.append(UnexpectedMessage(member.number, at, parsed.text))

    def _cut_short(self, member: PoolMember, parsed: Parsed, kind: Kind) -> SentMessage | None:
        """The expected publication that starts with this text: its end, with the envelope, was cut off."""
        if len(parsed.text) < IDENTIFYING:
            return None
        for publication in self._sent:
            is_expected = (publication.publisher, publication.sequence, kind) in member.outstanding
            if is_expected and any(form.startswith(parsed.text) for form in publication.forms):
                return publication
        return None

    def _heard(self, member: PoolMember, publisher: int, sequence: int, kind: Kind, at: int, *, intact: bool) -> None:
        """Record a receipt; the publication is no longer expected."""
        publication = self._sent.get((publisher, sequence))
        self._recorder.received(
            member.number, publisher, sequence, publication.sent_ns if publication else 0, at, kind, intact
        )
        member.in_ns, member.heard_ns = member.in_ns or at, at
        member.outstanding.discard((publisher, sequence, kind))
        if publication is not None:
            publication.heard_by.add((member.number, kind))
            publication.heard_ns = publication.heard_ns or at

    def _is_another(self, publisher: int, speaker: str | None) -> bool:
        """Whether the speaker that the server names is another member than the publisher."""
        return any(member.name == speaker and member.number != publisher for member in self._members)

    def _is_known(self, name: str) -> bool:
        """Whether a name belongs to this pool, or can only have been invented by a faulty server."""
        if any(member.name == name for member in self._members):
            return True
        return self._is_alone and name not in self._names_before

    def first_received(self) -> str:
        """Describe the first message or event, for a server that sent nothing that the workload understands."""
        if self._recorder.unexpected:
            return shortened(self._recorder.unexpected[0].text)
        refusal = next((member.refusal for member in self._members if member.refusal), "")
        if refusal:
            return f"the refusal of the connection, {refusal}"
        ignored = ""
        if self._recorder.ignored:
            first = shortened(self._recorder.ignored_text)
            ignored = f"{self._recorder.ignored} message(s) that the workload reads as IGNORED, such as {first}"
        cut = [p for p in self._members if p.departure is Departure.DROPPED]
        if cut:
            code = f"close code {cut[0].close_code}" if cut[0].close_code is not None else "no close frame"
            return f"{ignored}{', and then ' if ignored else ''}the end of the connection, with {code}"
        return ignored or "nothing"


def _is_json(text: str) -> bool:
    """Whether a text is JSON. One that is nested too deeply counts."""
    try:
        json.loads(text)
    except ValueError:
        return False
    except RecursionError:
        return True
    return True


def without_numbers(message: str | bytes) -> str:
    """A message as text with # in place of each number, so that two heartbeats are equal."""
    return re.sub(r"\d+", "#", message if isinstance(message, str) else message.decode(errors="replace"))
