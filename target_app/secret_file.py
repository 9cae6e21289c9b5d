"""The secret that signs tokens, if none is configured: kept in a file, so that sessions survive a restart."""

from __future__ import annotations

import logging
import os
import secrets
import stat
from pathlib import Path

from target_app.settings import Settings

VARIABLE = "TARGET_APP_SECRET"
SECRET_BYTES = 32
OTHERS = stat.S_IRWXG | stat.S_IRWXO

logger = logging.getLogger("target_app")


def secret_of(settings: Settings) -> str:
    """Return the configured secret, else that of the file (created if needed), else a temporary one."""
    if settings.secret is not None:
        return settings.secret.get_secret_value()
    path = path_of(settings)
    try:
        return _kept_in(path)
    except OSError as failed:
        logger.warning("no %s is set and none can be kept in %s (%s): tokens end with this run", VARIABLE, path, failed)
        return secrets.token_urlsafe(SECRET_BYTES)


def path_of(settings: Settings) -> Path:
    """Return a path beside the history, or in the state folder of this user."""
    if settings.history_path is not None:
        return settings.history_path.with_name(f"{settings.history_path.name}.secret")
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "target_app" / "secret"


def _kept_in(path: Path) -> str:
    """Return the stored secret. Raises OSError if it cannot be created, or if others may read it."""
    if not path.exists():
        _make(path)
    found = path.stat()
    if found.st_uid != os.getuid() or found.st_mode & OTHERS:
        raise PermissionError("the file has to be readable and writable for its owner only (mode 600)")
    kept = path.read_text().strip()
    if len(kept) < SECRET_BYTES:
        raise OSError("there is no secret in it")
    return kept


def _make(path: Path) -> None:
    """Create the file atomically, so that workers that start at the same time read the same secret."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(SECRET_BYTES))
        os.link(draft, path)
        logger.info("no %s is set: one is kept in %s", VARIABLE, path)
    except FileExistsError:
        pass  # another worker has already written the file
    finally:
        draft.unlink()
