"""A history as bytes: what a Locust worker sends to its master."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from wsproof.load.files.history import columns_of, history_of, words_of
from wsproof.model.history import History, Publications, Receipts


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
