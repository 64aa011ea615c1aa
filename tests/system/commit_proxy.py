"""A proxy before PostgreSQL that loses a COMMIT, or the answer to it; nothing of wellwise is in it.

`python commit_proxy.py HOST PORT [ADDRESS]` prints its port, at that address of this computer. A
line `NUMBER asked|answered` on stdin has it cut the connection at that COMMIT from then on: before
the server gets it, or after it has answered. It prints `cut` when it has done so.
"""

import contextlib
import select
import socket
import sys
import threading

_lock = threading.Lock()
_left, _lose = 0, ""

_ALIVE = {socket.TCP_KEEPIDLE: 1, socket.TCP_KEEPINTVL: 1, socket.TCP_KEEPCNT: 3}
"""How soon a client that is gone without a word is seen, as PostgreSQL sees it."""


def _armed() -> str:
    """Whether this COMMIT is the one that is lost, and how."""
    global _left
    with _lock:
        _left -= 1
        return _lose if _left == 0 else ""


def _carry(client: socket.socket, server: socket.socket) -> None:
    with client, server, contextlib.suppress(OSError):
        lose = ""
        while True:
            readable, _, _ = select.select([client, server], [], [])
            for one, other in ((client, server), (server, client)):
                if one not in readable:
                    continue
                data = one.recv(65536)
                if not data:
                    return
                if one is client and b"COMMIT" in data:
                    lose = _armed()
                if lose == "asked" or (lose and one is server):
                    print("cut", flush=True)
                    return
                other.sendall(data)


def _listen(host: str, port: int, address: str = "127.0.0.1") -> None:
    with socket.create_server((address, 0)) as listening:
        print(listening.getsockname()[1], flush=True)
        while True:
            client, _ = listening.accept()
            for option, seconds in _ALIVE.items():
                client.setsockopt(socket.IPPROTO_TCP, option, seconds)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            server = socket.create_connection((host, port))
            threading.Thread(target=_carry, args=(client, server), daemon=True).start()


def main() -> None:
    """Carry bytes until killed."""
    global _left, _lose
    threading.Thread(
        target=_listen, args=(sys.argv[1], int(sys.argv[2]), *sys.argv[3:]), daemon=True
    ).start()
    for line in sys.stdin:
        number, lose = line.split()
        with _lock:
            _left, _lose = int(number), lose


if __name__ == "__main__":
    main()
