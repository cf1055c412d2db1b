"""Start a program that the kernel kills as soon as its starter is gone.

Run as ``python launch.py PARENT_PID PROGRAM ARGUMENT...``.  It replaces itself with the
program, so no process stays in between.  Even ``kill -9`` of the starter leaves nothing
behind, on Linux; elsewhere the starter's own clean-up has to do.

The kernel watches the *thread* that started this one: start nodes from a thread that
lives as long as the node should.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent, then become the program."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        # The parent may have died before the line above took effect.
        if os.getppid() != parent:
            sys.exit(1)
    os.execv(program[0], program)


if __name__ == "__main__":
    main()
