"""A receiver of remote write that does as Prometheus does: in order, and all of a request or nothing.

The requests are decoded by protobuf's own library from the message as the specification has it, not by Baken's code.
"""

import math
import struct
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import cramjam
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # type: ignore[import-untyped]

STALE = 0x7FF0000000000002
Labels = tuple[tuple[str, str], ...]


def _message() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="remote.proto", package="tests", syntax="proto3")
    kinds = descriptor_pb2.FieldDescriptorProto
    for name, fields in {
        "Label": [("name", 1, kinds.TYPE_STRING), ("value", 2, kinds.TYPE_STRING)],
        "Sample": [("value", 1, kinds.TYPE_DOUBLE), ("timestamp", 2, kinds.TYPE_INT64)],
        "TimeSeries": [("labels", 1, "Label"), ("samples", 2, "Sample")],
        "WriteRequest": [("timeseries", 1, "TimeSeries")],
    }.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            if isinstance(kind, str):
                message.field.add(
                    name=field,
                    number=number,
                    label=kinds.LABEL_REPEATED,
                    type=kinds.TYPE_MESSAGE,
                    type_name=f".tests.{kind}",
                )
            else:
                message.field.add(name=field, number=number, label=kinds.LABEL_OPTIONAL, type=kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tests.WriteRequest"))


WriteRequest = _message()


def decoded(content: bytes) -> list[tuple[Labels, list[tuple[int, float | None]]]]:
    """The series of a WriteRequest with their samples; None is the mark of a series that ends."""
    return [
        (
            tuple((label.name, label.value) for label in series.labels),
            [(sample.timestamp, _value(sample.value)) for sample in series.samples],
        )
        for series in WriteRequest.FromString(content).timeseries
    ]


def _value(number: float) -> float | None:
    if math.isnan(number) and struct.unpack("<Q", struct.pack("<d", number))[0] == STALE:
        return None
    return number


class WriteReceiver:
    """Keeps what it is sent. `answers` are given first, one to a request; `refuse` names a metric that it never takes.

    `strict`: like Prometheus, which refuses a request with a sample that is older than the series' newest.
    """

    def __init__(self, *, strict: bool = True) -> None:
        self.strict = strict
        self.lock = threading.Lock()
        self.series: dict[Labels, dict[int, float | None]] = {}
        self.headers: list[Mapping[str, str]] = []
        self.sizes: list[int] = []
        self.answers: list[tuple[int, dict[str, str], str]] = []
        self.refuse = ""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if len(body) < int(self.headers["Content-Length"]):
                    # Whoever sent it was killed meanwhile.
                    return
                with receiver.lock:
                    receiver.headers.append({name.lower(): value for name, value in self.headers.items()})
                    if receiver.answers:
                        status, headers, text = receiver.answers.pop(0)
                    else:
                        status, text = receiver.take(body)
                        headers = {}
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: Any) -> None:
                """Connections that break when a sender is killed are meant to."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/api/v1/write"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, body: bytes) -> tuple[int, str]:
        """Keep a request, or say why not."""
        every = decoded(bytes(cramjam.snappy.decompress_raw(body)))
        new: dict[Labels, dict[int, float | None]] = {}
        for labels, samples in every:
            name = dict(labels)["__name__"]
            if self.refuse and name == self.refuse:
                return 400, f"{name}: label value too long"
            known, own = self.series.get(labels, {}), new.setdefault(labels, {})
            for at, value in samples:
                last = max([*known, *own], default=at)
                if self.strict and at < last:
                    return 400, "out of order sample"
                if self.strict and at == last and (own.get(at, known.get(at, value)) != value):
                    return 400, "duplicate sample for timestamp"
                own[at] = value
        self.sizes.append(sum(len(samples) for _, samples in every))
        for labels, own in new.items():
            self.series.setdefault(labels, {}).update(own)
        return 204, ""

    def of(self, name: str, **labels: str) -> dict[int, float | None]:
        """The samples of the one series of that name with these labels."""
        with self.lock:
            (found,) = (
                samples
                for its, samples in self.series.items()
                if dict(its)["__name__"] == name and labels.items() <= dict(its).items()
            )
            return dict(found)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
