"""Ends a process together with the one that started it, however that one ended."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
# Looked up once here: between fork and exec nothing may be imported.
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def die_with_parent(parent: int | None = None) -> None:
    """Have the kernel kill this process when the *thread* that started it ends.

    Linux only; elsewhere a killed parent leaves its children behind. `parent` is the process id
    to expect: had it died before this call, nobody would tell.
    """
    if _prctl is None:
        return
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent is not None and os.getppid() != parent:
        os._exit(1)
