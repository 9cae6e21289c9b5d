"""Forks processes: `python -m tests.fork_server FD MODULE...`. Importing the modules is most of the start of a process,
and is done once here for all of them. Each forked process runs its command as `python -m` would.

An order arrives on the socket FD as three descriptors: the order's own socket, and the output and the error output of
the command. A process is forked for it, reads the rest from that socket as one line of JSON, forks the command, sends
back its pid, waits for its end and sends back its return code as `subprocess` has it. The end of FD ends this process.

The modules may be Locust's, which replaces `os.fork`, `signal.signal` and others by those of gevent. This module keeps
the original ones, which do not need gevent's event loop. A fork renews that loop.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from collections.abc import Sequence
from importlib import import_module
from os import fork, waitpid
from signal import SIG_DFL, SIG_IGN, SIGCHLD, SIGINT, signal
from socket import recv_fds, socket


def wait_for_orders(orders: socket) -> str | None:
    """Fork for each order. Returns the module to run (in the forked commands only), or None after the last order."""
    while True:
        _, descriptors, _, _ = recv_fds(orders, 1, 3)
        if not descriptors:
            return None
        order, outputs = socket(fileno=descriptors[0]), descriptors[1:]
        if fork() == 0:
            orders.close()
            return _start(order, outputs)
        order.close()
        for output in outputs:
            os.close(output)


def _start(order: socket, outputs: Sequence[int]) -> str:
    signal(SIGCHLD, SIG_DFL)
    with order.makefile("r") as lines:
        command: list[str]
        command, environment, cwd = json.loads(lines.readline())
    forked = fork()
    if forked:
        for output in outputs:
            os.close(output)
        _report(order, forked)
    order.close()
    for standard, output in enumerate(outputs, 1):
        os.dup2(output, standard)
        os.close(output)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    sys.path[0] = cwd
    sys.argv = command
    if "gevent" in sys.modules:
        _renew_events()
    return command[0]


def _renew_events() -> None:
    """Give the fork its own events and the present time. Otherwise, its timeouts would count from the imports."""
    from gevent import get_hub, reinit

    reinit()
    get_hub().loop.update_now()


def _report(order: socket, forked: int) -> None:
    """Send the pid, and later the return code."""
    signal(SIGINT, SIG_IGN)
    order.sendall(f"{forked}\n".encode())
    _, status = waitpid(forked, 0)
    order.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _main() -> None:
    descriptor, *modules = sys.argv[1:]
    for name in modules:
        import_module(name)
    signal(SIGCHLD, SIG_IGN)  # the processes that report are not waited for
    try:
        module = wait_for_orders(socket(fileno=int(descriptor)))
    except KeyboardInterrupt:
        return
    if module is not None:
        runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()
