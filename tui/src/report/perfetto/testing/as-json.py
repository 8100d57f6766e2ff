"""Reads a Perfetto trace on stdin with the classes that Perfetto publishes; its packets as JSON on stdout.

Fails where the trace does not parse, or holds a field that the published proto does not know.
"""

import json
import sys

from google.protobuf import json_format, unknown_fields
from perfetto.protos.perfetto.trace import perfetto_trace_pb2


def strangers(message):
    yield from (f"{message.DESCRIPTOR.full_name}: {field.field_number}" for field in unknown_fields.UnknownFieldSet(message))
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for part in value if field.is_repeated else [value]:
            yield from strangers(part)


trace = perfetto_trace_pb2.Trace.FromString(sys.stdin.buffer.read())
unknown = list(strangers(trace))
if unknown:
    sys.exit(f"fields that the published proto does not know: {unknown}")
json.dump([json_format.MessageToDict(packet, preserving_proto_field_name=True) for packet in trace.packet], sys.stdout)
