"""A history as files (a run's `columns/` directory after the run), and as bytes from a Locust worker to its master."""

from __future__ import annotations

import json
from dataclasses import fields
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsproof.model.history import (
    Damage,
    Departure,
    History,
    Member,
    Part,
    PresenceNotice,
    ProtocolNote,
    Publications,
    Receipts,
    Refusal,
    Tick,
    UnexpectedMessage,
)
from wsproof.net.redact import hide_everywhere

PUBLICATIONS, RECEIPTS, WORDS = "publications.npy", "receipts.npy", "history.json"


def save_history(history: History, folder: Path, secrets: tuple[str, ...] = ()) -> None:
    """Write a history: `Publications` and `Receipts` as int64 arrays with one row per column, the rest as JSON.

    The history contains texts of the server, which may contain the `secrets` that the server was given. They are
    removed.
    """
    for name, table in ((PUBLICATIONS, history.publications), (RECEIPTS, history.receipts)):
        _save_columns(folder / name, columns_of(table))
    (folder / WORDS).write_text(words_of(history, secrets))


def columns_of(table: Publications | Receipts) -> list[NDArray[np.int64]]:
    """The columns of a table, in the order of its fields."""
    return [getattr(table, field.name) for field in fields(table)]


def words_of(history: History, secrets: tuple[str, ...] = ()) -> str:
    """Everything in a history but its publications and receipts, as JSON text without the secrets."""
    words: dict[str, Any] = {
        name: [_shallow(entry) for entry in getattr(history, name)]
        for name in ("members", "notices", "ticks", "unexpected", "protocol", "damage", "refusals")
    }
    for name in ("start_ns", "end_ns", "drained_ns", "ignored", "ignored_text", "shortest_ignored_text", "keeps_alive"):
        words[name] = getattr(history, name)
    try:
        return json.dumps(hide_everywhere(words, secrets))
    except RecursionError:  # a tick's value is nested too deep for JSON: its raw text is kept
        shallow = words | {"ticks": [tick | {"value": None} for tick in words["ticks"]]}
        return json.dumps(hide_everywhere(shallow, secrets))


def _save_columns(path: Path, columns: list[NDArray[np.int64]]) -> None:
    """Write columns as one array, a row per column, without a copy of all of it in memory."""
    matrix = np.lib.format.open_memmap(path, "w+", np.dtype("<i8"), (len(columns), len(columns[0])))
    for row, column in enumerate(columns):
        matrix[row] = column
    matrix.flush()


def _shallow(entry: Any) -> dict[str, Any]:
    # Not asdict: it descends into the values of a feed, which may be nested to any depth.
    return {field.name: getattr(entry, field.name) for field in fields(entry)}


def _member(entry: dict[str, Any]) -> Member:
    """A member from JSON. Older histories call `misbehaviour` `misbehaved`."""
    known = {"misbehaviour" if name == "misbehaved" else name: value for name, value in entry.items()}
    return Member(**{**known, "departure": Departure(entry["departure"])})


def load_receipts(folder: Path) -> Receipts:
    """Load the receipts of the history that `save_history` wrote, mapped into memory."""
    return Receipts(*np.asarray(np.load(folder / RECEIPTS, mmap_mode="r")))


def load_history(folder: Path) -> History:
    """Load the history that `save_history` wrote. Its receipts are mapped and read from disk on access."""
    publications = Publications(*np.load(folder / PUBLICATIONS))
    return history_of((folder / WORDS).read_text(), publications, load_receipts(folder))


def history_of(words_text: str, publications: Publications, receipts: Receipts) -> History:
    """The history of these tables and the JSON text of `words_of`.

    Older histories call `unexpected` `strange`.
    """
    words = json.loads(words_text)
    return History(
        publications=publications,
        receipts=receipts,
        members=tuple(_member(entry) for entry in words["members"]),
        notices=tuple(PresenceNotice(**entry) for entry in words["notices"]),
        ticks=tuple(Tick(**entry) for entry in words["ticks"]),
        unexpected=tuple(UnexpectedMessage(**entry) for entry in words.get("unexpected", words.get("strange", ()))),
        protocol=tuple(ProtocolNote(**entry) for entry in words["protocol"]),
        start_ns=words["start_ns"],
        end_ns=words["end_ns"],
        drained_ns=words["drained_ns"],
        # The oldest histories do not have these.
        damage=tuple(Damage(**{**entry, "part": Part(entry["part"])}) for entry in words.get("damage", ())),
        ignored=words.get("ignored", 0),
        ignored_text=words.get("ignored_text", ""),
        shortest_ignored_text=words.get("shortest_ignored_text", ""),
        keeps_alive=words.get("keeps_alive", False),
        refusals=tuple(Refusal(**entry) for entry in words.get("refusals", ())),
    )


def pack_history(history: History) -> bytes:
    """Return the history in compact form: a receipt of a broadcast takes about 8 bytes of its 56.

    Each value is stored as its difference to the one before in its column, since times and numbers grow slowly.
    """
    packed = BytesIO()
    np.savez_compressed(
        packed,
        publications=_differences(columns_of(history.publications)),
        receipts=_differences(columns_of(history.receipts)),
        words=np.frombuffer(words_of(history).encode(errors="surrogatepass"), np.uint8),
    )
    return packed.getvalue()


def unpack_history(packed: bytes) -> History:
    """The inverse of `pack_history`."""
    with np.load(BytesIO(packed)) as arrays:
        publications = Publications(*np.cumsum(arrays["publications"], axis=1))
        receipts = Receipts(*np.cumsum(arrays["receipts"], axis=1))
        return history_of(arrays["words"].tobytes().decode(errors="surrogatepass"), publications, receipts)


def _differences(columns: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    # A sum of differences wraps around as the differences do, so the result is exact for every value.
    values = np.stack(columns)
    differences = values.copy()
    differences[:, 1:] -= values[:, :-1]
    return differences
