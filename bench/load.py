"""A client that costs little: kept-alive connections, each asks, reads the answer, and asks again."""

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Load:
    """What clients saw. `seconds` is the time of each request, `wall` that of all of them together.

    `statuses` counts answers by HTTP status; `client` is the processor time that the clients took.
    """

    seconds: list[float] = field(default_factory=list)
    wall: float = 0.0
    client: float = 0.0
    statuses: dict[int, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.seconds) / self.wall

    def quantile(self, share: float) -> float:
        """The time in milliseconds within which `share` of the requests were answered."""
        return quantile(self.seconds, share) * 1000


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that is not exceeded by `share` of the values."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def request(path: str, token: str, port: int) -> bytes:
    """The bytes of a GET request."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: {token}\r\nAccept: application/json\r\n\r\n"
    ).encode()


def load(port: int, requests: Sequence[bytes], *, clients: int, seconds: float, most: int = 1_000_000) -> Load:
    """Let `clients` ask for `seconds`, at most `most` requests each; they take turns through `requests`.

    Raises RuntimeError when the server ends a connection in the middle of an answer.
    """
    return asyncio.run(_load(port, requests, clients, seconds, most))


async def _load(port: int, requests: Sequence[bytes], clients: int, seconds: float, most: int) -> Load:
    seen = Load()
    connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(clients)]
    processor, started = time.process_time(), time.perf_counter()
    ends = started + seconds

    async def client(number: int) -> None:
        reader, writer = connections[number]
        for turn in range(most):
            asked = time.perf_counter()
            if asked >= ends:
                return
            writer.write(requests[(number + turn) % len(requests)])
            status = await _answer(reader)
            seen.seconds.append(time.perf_counter() - asked)
            seen.statuses[status] = seen.statuses.get(status, 0) + 1

    await asyncio.gather(*(client(number) for number in range(clients)))
    seen.wall, seen.client = time.perf_counter() - started, time.process_time() - processor
    for _, writer in connections:
        writer.close()
    return seen


async def _answer(reader: asyncio.StreamReader) -> int:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        _, _, rest = head.lower().partition(b"content-length:")
        await reader.readexactly(int(rest.split(b"\r\n", 1)[0]))
    except (asyncio.IncompleteReadError, ValueError) as problem:
        raise RuntimeError(f"the server broke off an answer: {problem}") from None
    return int(head[9:12])
