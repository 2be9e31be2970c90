"""OM files (offline models): what `atc` writes and AscendCL loads.

The header is the real one, 256 bytes (`ModelFileHeader` of GE, davinci_model_def.h): magic, sizes, checksum,
name. What follows it is our own, since the real body is compiled code: a table of partitions like GE's
(count, then type, offset and size of each, 32 bits each), and two partitions:

    0  MODEL_DEF     a JSON object: soc, inputs, outputs, the operators with their costs, memory needs
    1  WEIGHTS_DATA  the graph with its weights, as ONNX

The checksum is the SHA-256 of everything behind the header, in hexadecimal.
"""

from __future__ import annotations

import hashlib
import json
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

from npusim.exceptions import NpusimError
from npusim.plog import module_of

if TYPE_CHECKING:
    from collections.abc import Mapping

MAGIC = 0x444F4D49
HEADER_BYTES = 256
VERSION = 0x10000000
MODEL_DEF, WEIGHTS_DATA = 0, 1
# magic, header size, version, checksum, length, encrypted, checked, model type, mode, name, operators,
# user's text, IR version, models, platform version, platform type
_HEADER = struct.Struct("<III64sIBBBB32sI32sII20sB")
_COUNT = struct.Struct("<I")
_ENTRY = struct.Struct("<III")
_PARTITIONS = 16  # more than any file has; a larger count is damage


class OmError(NpusimError):
    """Bytes that are no model for this machine.

    Attributes:
        code: 145006 damaged or no OM file, 507008 for another chip.
    """

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        self.component = module_of(code)
        super().__init__(message)


class OmModel(NamedTuple):
    """The content of an OM file.

    Attributes:
        definition: the JSON object.
        graph: the ONNX bytes.
    """

    definition: dict[str, Any]
    graph: bytes


def pack(definition: Mapping[str, Any], graph: bytes) -> bytes:
    """The bytes of an OM file.

    Args:
        definition: a JSON object with at least "name" (text), "soc" (the chip's name) and "ops" (a list).
        graph: the ONNX bytes.
    """
    text = json.dumps(definition, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    parts = [(MODEL_DEF, text), (WEIGHTS_DATA, graph)]
    table = _COUNT.pack(len(parts))
    offset = 0
    for kind, data in parts:
        table += _ENTRY.pack(kind, offset, len(data))
        offset += len(data)
    body = table + text + graph
    header = _HEADER.pack(
        MAGIC,
        HEADER_BYTES,
        VERSION,
        hashlib.sha256(body).hexdigest().encode(),
        len(body),
        0,
        1,
        0,
        0,
        str(definition["name"]).encode()[:31],
        len(definition["ops"]),
        b"",
        0,
        1,
        str(definition["soc"]).encode()[:19],
        0,
    )
    return header.ljust(HEADER_BYTES, b"\0") + body


def unpack(data: bytes, name: str = "model") -> OmModel:
    """The content of an OM file; every byte of it is checked first.

    Args:
        data: the file.
        name: what to call it in messages.

    Raises:
        OmError: it is damaged, or no OM file at all (145006).
    """
    if len(data) <= HEADER_BYTES:
        raise OmError(
            145006, f"{name} has {len(data)} bytes, an OM file more than {HEADER_BYTES}; convert it again"
        )
    fields = _HEADER.unpack_from(data)
    if fields[0] != MAGIC:
        raise OmError(
            145006, f"{name} begins with {fields[0]:#x}, an OM file with {MAGIC:#x}; give the output of atc"
        )
    body = memoryview(data)[HEADER_BYTES:]
    if fields[1] != HEADER_BYTES or fields[4] != len(body):
        raise OmError(
            145006, f"{name} has {len(body)} bytes behind its header, which says {fields[4]}; copy it again"
        )
    if hashlib.sha256(body).hexdigest().encode() != fields[3]:
        raise OmError(145006, f"{name} is damaged: its checksum does not match; copy or convert it again")
    return _content(body, name)


def _content(body: memoryview, name: str) -> OmModel:
    try:
        (count,) = _COUNT.unpack_from(body)
        if count > _PARTITIONS:
            raise ValueError(count)  # noqa: TRY301 - caught below with all other damage
        start = _COUNT.size + count * _ENTRY.size
        parts: dict[int, bytes] = {}
        for number in range(count):
            kind, offset, size = _ENTRY.unpack_from(body, _COUNT.size + number * _ENTRY.size)
            piece = body[start + offset : start + offset + size]
            if len(piece) != size:
                raise ValueError(size)  # noqa: TRY301
            parts[kind] = bytes(piece)
        definition = json.loads(parts[MODEL_DEF])
        if not isinstance(definition, dict) or not {"name", "soc", "inputs", "outputs", "ops"} <= set(
            definition
        ):
            raise ValueError(definition)  # noqa: TRY301
        return OmModel(definition, parts[WEIGHTS_DATA])
    except (ValueError, KeyError, struct.error, RecursionError):
        raise OmError(145006, f"{name} is no model that this version can read; convert it again") from None


def check_soc(definition: Mapping[str, Any], soc: str, name: str = "model") -> None:
    """Raise unless a model is for this chip.

    Raises:
        OmError: it was converted for another (507008).
    """
    if definition["soc"] != soc:
        raise OmError(
            507008,
            f"ModelCheckCompatibility failed, supported socVersion={soc}, but the model "
            f"socVersion={definition['soc']}; convert {name} with --soc_version={soc}",
        )
