"""The message of Prometheus' remote write 1.0: figures with their labels and moments, in protobuf and snappy.

    message WriteRequest { repeated TimeSeries timeseries = 1; }
    message TimeSeries   { repeated Label labels = 1; repeated Sample samples = 2; }
    message Label        { string name = 1; string value = 2; }
    message Sample       { double value = 1; int64 timestamp = 2; }    // milliseconds since 1970

Written by hand: three fields do not need a generator, and a figure costs a microsecond. Each figure is a `TimeSeries`
of its own, as Prometheus itself sends them; so messages can be kept, put together and taken apart as they are.
Source: https://prometheus.io/docs/specs/remote_write_spec/
"""

import struct
from collections.abc import Iterable, Iterator, Mapping

HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
"""What every request says about its body."""

STALE = struct.pack("<Q", 0x7FF0000000000002)
"""The NaN by which Prometheus knows that a series ends here (eight bytes as a value is written)."""

_value = struct.Struct("<d").pack
# A sample is its value (9 bytes) and its moment (a key, then one to ten bytes).
_SAMPLE, _VALUE, _MOMENT, _SERIES = b"\x12", b"\x09", b"\x10", b"\x0a"


def number(whole: int) -> bytes:
    """A whole number as protobuf writes it."""
    whole &= 0xFFFFFFFFFFFFFFFF
    found = bytearray()
    while whole > 127:
        found.append(whole & 127 | 128)
        whole >>= 7
    found.append(whole)
    return bytes(found)


def labels(name: str, pairs: Mapping[str, str]) -> bytes:
    """The labels of a series as `figures` wants them: sorted, with its name, without those that are empty."""
    every = sorted({**pairs, "__name__": name}.items())
    return b"".join(
        _SERIES + _text(_SERIES + _text(_utf8(label)) + b"\x12" + _text(_utf8(value)))
        for label, value in every
        if value
    )


def figures(at: int, values: Iterable[tuple[bytes, float | None]]) -> bytes:
    """A part of a WriteRequest: figures of one moment.

    Args:
        at: the moment in milliseconds since 1970.
        values: labels as `labels` wrote them, and the figure; None: the series ends here.
    """
    moment = _MOMENT + number(at)
    head = _SAMPLE + bytes([9 + len(moment)]) + _VALUE
    parts = []
    for series, value in values:
        body = series + head + (STALE if value is None else _value(value)) + moment
        parts += [_SERIES, number(len(body)), body]
    return b"".join(parts)


def apart(content: bytes) -> Iterator[bytes]:
    """The figures of a WriteRequest one by one, each a WriteRequest by itself."""
    start = 0
    while start < len(content):
        length = shift = 0
        place = start + 1
        while True:
            byte = content[place]
            place += 1
            length |= (byte & 127) << shift
            if byte < 128:
                break
            shift += 7
        yield content[start : place + length]
        start = place + length


def packed(content: bytes) -> bytes:
    """A WriteRequest as it is sent."""
    import cramjam

    return bytes(cramjam.snappy.compress_raw(content))


def unpacked(content: bytes) -> bytes:
    """What `packed` was given."""
    import cramjam

    return bytes(cramjam.snappy.decompress_raw(content))


def _text(content: bytes) -> bytes:
    return number(len(content)) + content


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")
