"""A day of one series as a few bytes a sample, without losing a bit.

Layout: version, number of samples, then a block of times and a block of values.

- Times are whole milliseconds. A regular interval is two numbers; otherwise the changes of the interval go
  through the whole-number coder.
- Values that are decimal numbers with few digits (counts, bytes, rounded ratios and seconds) become whole
  numbers: the value times a power of ten. A value that would not come back bit for bit (negative zero, 1/3)
  sends the whole block to the other way: the eight bytes of each float, grouped by their place.
- The whole-number coder takes out a common divisor, tries the numbers themselves and their differences, groups
  the bytes by their place (the high ones are nearly all alike) and lets zlib have them; the shortest wins.

zlib's checksum tells a damaged block from a good one.
"""

import math
import struct
import sys
import zlib
from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

VERSION = 1
# Powers of ten up to here and whole numbers up to 2**53 divide and multiply without a rounding error.
_MOST_DECIMALS = 12
_EXACT = 2**53

_REGULAR, _IRREGULAR = 0, 1
_CONSTANT, _DECIMAL, _FLOAT, _FLOAT_XOR = 0, 1, 2, 3
_PLAIN, _DELTA = 0, 1
_WIDTHS = ((8, "B"), (16, "H"), (32, "I"), (64, "Q"))


class PackingError(ValueError):
    """The bytes are not what `encode` wrote."""


def encode(at: Sequence[int], value: Sequence[float]) -> bytes:
    """Pack samples: `at` in milliseconds (within ±2**53), `value` floats. `decode` gives exactly these back.

    Raises ValueError when there are not as many times as values, or a time is out of range.
    """
    if len(at) != len(value):
        raise ValueError(f"{len(at)} times do not fit {len(value)} values")
    if at and not (min(at) >= -_EXACT and max(at) <= _EXACT):
        raise ValueError("a time is out of range")
    out = bytearray([VERSION])
    _put(out, len(at))
    if at:
        _put_times(out, at)
        _put_values(out, value)
    return bytes(out)


def decode(data: bytes) -> tuple[list[int], list[float]]:
    """The times (milliseconds) and values that `encode` packed. Raises PackingError for damaged bytes."""
    try:
        if data[0] != VERSION:
            raise PackingError(f"packed with version {data[0]}, this program knows {VERSION}")
        source = _Source(data, 1)
        count = source.number()
        if not count:
            return [], []
        return _take_times(source, count), _take_values(source, count)
    except (IndexError, struct.error, zlib.error, OverflowError) as problem:
        raise PackingError(f"a packed day is damaged: {problem}") from problem


class _Source:
    """Bytes that are read from front to back."""

    def __init__(self, data: bytes, position: int) -> None:
        self.data = data
        self.position = position

    def byte(self) -> int:
        self.position += 1
        return self.data[self.position - 1]

    def number(self) -> int:
        found = shift = 0
        while True:
            byte = self.byte()
            found |= (byte & 127) << shift
            if byte < 128:
                return found
            shift += 7

    def signed(self) -> int:
        return _unzigzag(self.number())

    def bytes(self, count: int) -> bytes:
        if self.position + count > len(self.data):
            raise IndexError("it ends too early")
        self.position += count
        return self.data[self.position - count : self.position]


def _put(out: bytearray, number: int) -> None:
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)


def _zigzag(number: int) -> int:
    return number << 1 if number >= 0 else (-number << 1) - 1


def _unzigzag(number: int) -> int:
    return -((number + 1) >> 1) if number & 1 else number >> 1


def _put_times(out: bytearray, at: Sequence[int]) -> None:
    steps = [after - before for before, after in pairwise(at)]
    regular = not steps or min(steps) == max(steps)
    out.append(_REGULAR if regular else _IRREGULAR)
    _put(out, _zigzag(at[0]))
    if regular:
        _put(out, _zigzag(steps[0] if steps else 0))
    else:
        _put_integers(out, steps)


def _take_times(source: _Source, count: int) -> list[int]:
    kind = source.byte()
    first = source.signed()
    if kind == _REGULAR:
        step = source.signed()
        return [first + step * place for place in range(count)]
    return list(accumulate(_take_integers(source, count - 1), initial=first))


def _put_values(out: bytearray, value: Sequence[float]) -> None:
    bits = array("Q", struct.pack(f"={len(value)}d", *value))
    # Compared as bits: 0.0 and -0.0 are equal as numbers.
    if min(bits) == max(bits):
        out.append(_CONSTANT)
        out += struct.pack("<d", value[0])
        return
    best = min(_floats(bits), key=len)
    scaled = _scaled(value)
    if scaled is not None:
        decimals, whole = scaled
        block = bytearray([_DECIMAL, decimals])
        _put_integers(block, whole)
        best = min(best, bytes(block), key=len)
    out += best


def _take_values(source: _Source, count: int) -> list[float]:
    kind = source.byte()
    if kind == _CONSTANT:
        return [struct.unpack("<d", source.bytes(8))[0]] * count
    if kind == _DECIMAL:
        factor = 10.0 ** source.byte()
        return [number / factor for number in _take_integers(source, count)]
    if kind not in (_FLOAT, _FLOAT_XOR):
        raise PackingError(f"a packed day has a block of an unknown kind: {kind}")
    bits = _unshuffle(zlib.decompress(source.bytes(source.number())), 8, count)
    if kind == _FLOAT_XOR:
        bits = array("Q", accumulate(bits, lambda before, change: before ^ change))
    return list(struct.unpack(f"={count}d", bits.tobytes()))


def _floats(bits: "array[int]") -> Iterator[bytes]:
    """The blocks that eight-byte floats may become: as they are, or each against the one before."""
    changes = array("Q", [bits[0], *(before ^ after for before, after in pairwise(bits))])
    for kind, numbers in ((_FLOAT, bits), (_FLOAT_XOR, changes)):
        packed = zlib.compress(_shuffle(numbers, 8), 9)
        block = bytearray([kind])
        _put(block, len(packed))
        yield bytes(block) + packed


def _scaled(value: Sequence[float]) -> tuple[int, list[int]] | None:
    """How many decimals all values have at most, and the values as whole numbers of that; None if too many."""
    decimals = 0
    factor = 1.0
    for number in value:
        # Not to be had this way: infinities, NaN, the sign of zero.
        if not math.isfinite(number) or (number == 0 and math.copysign(1.0, number) < 0):
            return None
        while not (abs(number * factor) <= _EXACT and round(number * factor) / factor == number):
            decimals += 1
            if decimals > _MOST_DECIMALS:
                return None
            factor = 10.0**decimals
    whole = [round(number * factor) for number in value]
    # A later value may have asked for more decimals than an earlier one can take.
    if any(abs(scaled) > _EXACT or scaled / factor != number for scaled, number in zip(whole, value, strict=True)):
        return None
    return decimals, whole


def _put_integers(out: bytearray, numbers: Sequence[int]) -> None:
    divisor = max(1, math.gcd(*numbers))
    small = [number // divisor for number in numbers] if divisor > 1 else list(numbers)
    least = min(small)
    candidates = [(_PLAIN, least, [number - least for number in small])]
    if len(small) > 1:
        changes = [_zigzag(after - before) for before, after in pairwise(small)]
        candidates.append((_DELTA, small[0], changes))
    best: bytes | None = None
    for kind, base, rest in candidates:
        packed, width = _narrow(rest)
        block = bytearray([kind, width])
        _put(block, divisor)
        _put(block, _zigzag(base))
        _put(block, len(packed))
        block += packed
        if best is None or len(block) < len(best):
            best = bytes(block)
    out += best or b""


def _take_integers(source: _Source, count: int) -> list[int]:
    kind, width = source.byte(), source.byte()
    if kind not in (_PLAIN, _DELTA) or width not in (1, 2, 4, 8):
        raise PackingError(f"a packed day has whole numbers of an unknown kind: {kind}, {width}")
    divisor, base = source.number(), source.signed()
    data = zlib.decompress(source.bytes(source.number()))
    if kind == _PLAIN:
        return [(number + base) * divisor for number in _unshuffle(data, width, count)]
    changes = (_unzigzag(number) for number in _unshuffle(data, width, count - 1))
    return [number * divisor for number in accumulate(changes, initial=base)]


def _narrow(numbers: Sequence[int]) -> tuple[bytes, int]:
    """Unsigned numbers in as few bytes each as the largest needs, grouped by place and compressed."""
    bits = max(numbers).bit_length() if numbers else 0
    width, code = next((size // 8, code) for size, code in _WIDTHS if bits <= size)
    return zlib.compress(_shuffle(array(code, numbers), width), 9), width


def _little(numbers: "array[int]") -> "array[int]":
    if sys.byteorder == "big":
        numbers = array(numbers.typecode, numbers)
        numbers.byteswap()
    return numbers


def _shuffle(numbers: "array[int]", width: int) -> bytes:
    """All first bytes, then all second bytes, and so on: alike stands beside alike."""
    data = _little(numbers).tobytes()
    return data if width == 1 else b"".join(data[place::width] for place in range(width))


def _unshuffle(data: bytes, width: int, count: int) -> "array[int]":
    if len(data) != width * count:
        raise PackingError(f"a packed day has {len(data)} bytes for {count} numbers of {width}")
    plain = bytearray(len(data))
    for place in range(width):
        plain[place::width] = data[place * count : (place + 1) * count]
    code = next(code for size, code in _WIDTHS if size == width * 8)
    return _little(array(code, bytes(plain)))
