"""Small disks of our own: tmpfs in a mount name space that ends with this process, so that they can really be full."""

import contextlib
import ctypes
import os
from pathlib import Path

_CLONE_NEWNS = 0x00020000
_CLONE_NEWUSER = 0x10000000
_MS_REC_PRIVATE = 0x4000 | 0x40000

_LARGE = bytes(2**20)
_SMALL = bytes(2**12)

_libc = ctypes.CDLL(None, use_errno=True)


class CannotMount(Exception):
    """This machine does not let us mount; the text says what is missing."""


def enter_own_name_space() -> None:
    """Leave the machine's mounts alone from now on; to be called before any thread is started.

    Raises:
        CannotMount: Neither root nor a user name space is to be had.
    """
    if os.geteuid() == 0:
        _checked(_libc.unshare(_CLONE_NEWNS), "a mount name space")
    else:
        user, group = os.getuid(), os.getgid()
        _checked(_libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNS), "a user name space")
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")
    _checked(_libc.mount(b"none", b"/", None, _MS_REC_PRIVATE, None), "mounts of our own")


def mount_small_disk(folder: Path, size: int) -> None:
    """Mount a tmpfs of so many bytes.

    Raises:
        CannotMount: It cannot be mounted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    options = f"size={size}".encode()
    _checked(_libc.mount(b"none", bytes(folder), b"tmpfs", 0, options), f"a small disk at {folder}")


def fill(folder: Path) -> Path:
    """Take all that is left of a disk, while others write to it; return the file that has it."""
    file = folder / "filler"
    with file.open("wb", buffering=0) as filler:
        for size in (_LARGE, _SMALL):
            with contextlib.suppress(OSError):  # nothing is left for one more of this size
                while filler.write(size):
                    pass
    return file


def _checked(result: int, what: str) -> None:
    if result != 0:
        raise CannotMount(
            f"no {what}: {os.strerror(ctypes.get_errno())}; run it as root, or allow user name spaces "
            "(sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0)"
        )
