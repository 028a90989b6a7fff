"""The queue on the disk: order, what a crash may do to it, its bound, and that it has one user."""

import errno
import multiprocessing
import os
import shutil
import struct
import tempfile
from collections import deque
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from baken.exporters.disk_queue import Begun, DiskQueue, Entry, QueueBusy, begun_of, prepare

MEGABYTE = 2**20
BEGUN = Begun({"a": 5}, 3)


def entry(number: int, *, site: str = "a", count: int = 1, size: int = 20) -> Entry:
    # Not to be packed smaller.
    return Entry(site, number, count, struct.pack("<q", number) + os.urandom(size))


def opened(folder: Path, most: int = 64 * MEGABYTE) -> DiskQueue:
    prepare(folder, BEGUN)
    return DiskQueue(folder, most)


def numbers(queue: DiskQueue, figures: int = 10_000) -> list[int]:
    batch = queue.oldest(figures, 2**40)
    return [] if batch is None else [each.at for each in batch.entries]


def take(queue: DiskQueue, figures: int) -> list[int]:
    batch = queue.oldest(figures, 2**40)
    if batch is None:
        return []
    queue.taken(batch)
    return [each.at for each in batch.entries]


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.segment"))


def test_what_went_in_comes_out_in_order_and_stays_until_it_was_taken(tmp_path: Path) -> None:
    queue = opened(tmp_path / "q")
    entries = [entry(number, count=number) for number in range(1, 6)]
    queue.append(entries)
    batch = queue.oldest(6, MEGABYTE)
    assert batch is not None
    assert batch.entries == entries[:3]
    assert queue.waiting == 15
    assert numbers(queue) == [1, 2, 3, 4, 5]
    queue.taken(batch)
    assert queue.waiting == 9
    assert numbers(queue) == [4, 5]
    assert take(queue, 100) == [4, 5]
    assert queue.oldest(1, 1) is None
    queue.append([entry(6)])
    queue.close()
    assert numbers(opened(tmp_path / "q")) == [6]


def test_marks_are_those_of_the_newest_record_of_each_site(tmp_path: Path) -> None:
    queue = opened(tmp_path / "q")
    assert (queue.mark("a"), queue.mark("b")) == (5, 3)
    queue.append([entry(7), entry(9, site="b"), entry(8)])
    queue.advance({"c": 4})
    queue.close()
    again = opened(tmp_path / "q")
    assert again.marks == {"a": 8, "b": 9, "c": 4}
    assert again.begun == begun_of(tmp_path / "q") == BEGUN
    again.bring_back(6)
    assert again.mark("b") == 6


def test_a_record_that_was_written_in_part_is_cut_off(tmp_path: Path) -> None:
    folder = tmp_path / "q"
    queue = opened(folder)
    queue.append([entry(1), entry(2)])
    queue.close()
    (segment,) = segments(folder)
    whole = segment.read_bytes()
    for end in range(1, len(whole)):
        segment.write_bytes(whole[:end])
        again = opened(folder)
        assert numbers(again) in ([], [1])
        # And the next one is found behind it.
        again.append([entry(3)])
        assert numbers(again)[-1] == 3
        again.close()


def test_a_place_beyond_what_the_disk_kept_is_not_taken_for_one_between_new_records(tmp_path: Path) -> None:
    queue = opened(tmp_path)
    queue.append([entry(number) for number in range(10)])
    assert take(queue, 8) == list(range(8))
    queue.close()
    # A power cut: the place was on the disk, the records were not.
    os.truncate(segments(tmp_path)[0], 100)
    queue = opened(tmp_path)
    assert numbers(queue) == []
    queue.append([entry(number, size=33) for number in range(20, 30)])
    queue.close()
    queue = opened(tmp_path)
    assert numbers(queue) == list(range(20, 30))
    assert queue.gave_way() == 0
    queue.close()


def test_a_damaged_record_is_left_out_counted_and_does_not_stop_the_queue(tmp_path: Path) -> None:
    folder = tmp_path / "q"
    queue = opened(folder, MEGABYTE)
    queue.append([entry(number, size=1000) for number in range(100)])
    assert len(segments(folder)) == 2
    first = segments(folder)[0]
    content = bytearray(first.read_bytes())
    content[500] ^= 1
    first.write_bytes(content)
    left = numbers(queue)
    assert left == list(range(left[0], 100))
    assert queue.waiting == len(left)
    assert queue.gave_way() == 100 - len(left)
    assert queue.gave_way() == 0


def test_beyond_its_room_the_oldest_give_way_and_are_counted(tmp_path: Path) -> None:
    folder = tmp_path / "q"
    queue = opened(folder, MEGABYTE)
    queue.append([entry(number, size=1000, count=3) for number in range(3000)])
    assert sum(file.stat().st_size for file in segments(folder)) <= MEGABYTE
    assert queue.size <= MEGABYTE
    left = numbers(queue, 10**9)
    assert left == list(range(left[0], 3000))
    assert len(left) > 900
    queue.close()
    # Also when nobody asked before the end.
    again = opened(folder, MEGABYTE)
    assert again.gave_way() == 3 * (3000 - len(left))
    assert again.waiting == 3 * len(left)


def test_what_is_being_sent_may_give_way_meanwhile(tmp_path: Path) -> None:
    queue = opened(tmp_path / "q", MEGABYTE)
    queue.append([entry(number, size=1000) for number in range(100)])
    batch = queue.oldest(10, MEGABYTE)
    assert batch is not None
    queue.append([entry(number, size=1000) for number in range(100, 3000)])
    left = numbers(queue)
    queue.taken(batch)
    assert numbers(queue) == left
    assert queue.waiting == len(left)


def test_segments_that_were_taken_go_from_the_disk(tmp_path: Path) -> None:
    folder = tmp_path / "q"
    queue = opened(folder, MEGABYTE)
    queue.append([entry(number, size=1000) for number in range(500)])
    assert len(segments(folder)) > 5
    assert len(take(queue, 490)) == 490
    assert len(segments(folder)) == 1
    queue.close()
    assert opened(folder).mark("a") == 499


def test_a_full_disk_leaves_the_queue_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "q"
    queue = opened(folder)
    queue.append([entry(1)])
    real = os.write
    left = 30

    def write(descriptor: int, content: bytes) -> int:
        nonlocal left
        if left <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = real(descriptor, content[:left])
        left -= written
        return written

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(OSError, match="No space left"):
        queue.append([entry(2)])
    # What was there can still be taken.
    assert take(queue, 10) == [1]
    monkeypatch.undo()
    assert queue.mark("a") == 1 + 4  # as it began: 1 is older
    queue.append([entry(8)])
    assert numbers(queue) == [8]
    queue.close()
    assert numbers(opened(folder)) == [8]


def test_two_do_not_use_one_queue(tmp_path: Path) -> None:
    queue = opened(tmp_path / "q")
    with pytest.raises(QueueBusy, match=f"process {os.getpid()}"):
        DiskQueue(tmp_path / "q", MEGABYTE)
    prepare(tmp_path / "q", Begun({}, 99))
    asked = multiprocessing.get_context("spawn").Process(target=_expect_busy, args=(tmp_path / "q",))
    asked.start()
    asked.join(30)
    assert asked.exitcode == 0
    queue.close()
    assert opened(tmp_path / "q").begun == BEGUN


def _expect_busy(folder: Path) -> None:
    try:
        DiskQueue(folder, MEGABYTE)
    except QueueBusy:
        return
    raise AssertionError("the queue was opened twice")


class Queue(RuleBasedStateMachine):
    """Any order of putting in, taking out, killing and opening again. A kill may leave half a record behind."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="baken-queue-"))
        self.queue = opened(self.folder / "q", 4 * MEGABYTE)
        self.expected: deque[int] = deque()
        self.next = 10

    @precondition(lambda self: self.queue.size < 3 * MEGABYTE)
    @rule(sizes=st.lists(st.sampled_from([0, 100, 5_000, 70_000]), max_size=8))
    def append(self, sizes: list[int]) -> None:
        entries = [entry(self.next + place, size=size) for place, size in enumerate(sizes)]
        self.queue.append(entries)
        self.expected.extend(each.at for each in entries)
        self.next += len(sizes)

    @rule(figures=st.integers(1, 10), acknowledged=st.booleans())
    def send(self, figures: int, acknowledged: bool) -> None:
        batch = self.queue.oldest(figures, MEGABYTE)
        if batch is None:
            assert not self.expected
            return
        got = [each.at for each in batch.entries]
        assert got == list(self.expected)[: len(got)]
        if acknowledged:
            self.queue.taken(batch)
            for _ in got:
                self.expected.popleft()

    @rule(torn=st.binary(max_size=60), rest=st.integers(0, 200))
    def crash(self, torn: bytes, rest: int) -> None:
        # As after kill -9: what the kernel was given is there, nothing of what `close` would write.
        queue, killed = self.queue, self.folder / "killed"
        shutil.copytree(self.folder / "q", killed)
        queue.close()
        shutil.rmtree(self.folder / "q")
        killed.rename(self.folder / "q")
        record = struct.pack("<IIqIH", 1, rest + 100, 99, 1, 1) + torn
        last = segments(self.folder / "q")
        if last and torn:
            with last[-1].open("ab") as file:
                file.write(record)
        self.queue = opened(self.folder / "q", 4 * MEGABYTE)

    @rule()
    def reopen(self) -> None:
        self.queue.close()
        self.queue = opened(self.folder / "q", 4 * MEGABYTE)

    @invariant()
    def all_there(self) -> None:
        assert self.queue.waiting == len(self.expected)
        assert self.queue.mark("a") >= self.next - 1 or self.next == 10

    def teardown(self) -> None:
        self.queue.close()
        shutil.rmtree(self.folder)


TestQueue = Queue.TestCase
TestQueue.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
