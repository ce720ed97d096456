"""Locks of files: some mounts of NFS, Lustre and others have none, and refuse to lock."""

import errno
import sys
from functools import cache
from pathlib import Path

UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)


@cache
def say_unlocked(folder: Path, consequence: str) -> None:
    """Say, once for each folder, that its files are used without a lock."""
    print(
        f"{folder}: its file system has no locks, so going on without; {consequence}",
        file=sys.stderr,
        flush=True,
    )
