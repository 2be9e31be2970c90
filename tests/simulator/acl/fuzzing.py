"""Random calls of acl and random files: what must end in a code. Driven by any random.Random."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import json
import os
import struct
from pathlib import Path

import acl
import npusim
from acl import _state
from atc import aipp, single_op
from atc.errors import AtcError
from npusim.om import HEADER_BYTES, OmError, pack, unpack

SPEC = importlib.util.spec_from_file_location("worlds", Path(__file__).parent / "worlds.py")
worlds = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(worlds)

# these wait for another thread on the device too, or write where the caller says
LEFT_OUT = {"process_report", "stop_thread", "start_thread", "create_subscribe_config", "app_log"}
INTEGERS = (
    0,
    1,
    2,
    3,
    4,
    8,
    16,
    64,
    128,
    4096,
    12345,
    -1,
    -(2**31),
    2**31,
    2**32,
    2**45,
    2**63,
    2**64,
    2**70,
)
OTHERS = (
    None,
    "",
    "x",
    "\0",
    b"",
    b"abc",
    1.5,
    float("nan"),
    [],
    [1],
    [[1]],
    {},
    {"dims": [1]},
    True,
    (),
    print,
)
CALLS = 12
AIPP = (
    "aipp_op { aipp_mode: static input_format: YUV420SP_U8 src_image_size_w: 256 src_image_size_h: 256 "
    "crop: true load_start_pos_w: 2 crop_size_w: 224 crop_size_h: 224 csc_switch: true matrix_r0c0: 256 "
    "mean_chn_0: 104 var_reci_chn_0: 0.0039 padding: false }"
)
WORDS = (
    "aipp_op",
    "{",
    "}",
    ":",
    "static",
    "dynamic",
    "true",
    "-1",
    "0",
    "99999999999",
    "nan",
    "crop",
    "#",
    "é",
    "\0",
    "\n",
)


def faces():
    """Every function to be called."""
    found = []
    for module in (acl, acl.rt, acl.mdl, acl.media, acl.op, acl.blas, acl.prof, acl.util):
        for name, value in sorted(vars(module).items()):
            wanted = name in acl.__all__ if module is acl else not name.startswith("_")
            if (
                wanted
                and inspect.isfunction(value)
                and hasattr(value, "__wrapped__")
                and name not in LEFT_OUT
            ):
                found.append(value)
    return found


FACES = faces()


def _argument(rng, live, made):
    kind = rng.random()
    if kind < 0.6:
        return rng.choice(live)
    if kind < 0.75 and made:
        return rng.choice(made)
    if kind < 0.92:
        return rng.choice(INTEGERS)
    return rng.choice(OTHERS)


def call_sequence(rng, world):
    """A few random calls; returns how many failed with a code.

    Raises:
        AssertionError: a call raised what is no refusal of an argument, or failed without a message.
    """
    live, made, failed = list(world.values()), [], 0
    live += [[value] for value in live if isinstance(value, int)]
    for _ in range(CALLS):
        function = rng.choice(FACES)
        wanted = inspect.signature(function).parameters.values()
        count = sum(p.kind is not p.VAR_POSITIONAL for p in wanted)
        arguments = [_argument(rng, live, made) for _ in range(count)]
        acl.get_recent_err_msg()
        try:
            found = function(*arguments)
        except (TypeError, ValueError):  # as the real module's parser of arguments
            continue
        except Exception as error:
            raise AssertionError(f"{function.__name__}{tuple(arguments)!r}: {error!r}") from error
        message = acl.get_recent_err_msg()
        values = found if isinstance(found, tuple) else (found,)
        made += [value for value in values if isinstance(value, int)]
        if message:
            failed += 1
            code = int(message.split("error code ")[1].split(":")[0])
            assert code in npusim.errors, f"{function.__name__}: {code} is no code"
    return failed


def mutated(rng, data):
    """Bytes with a few faults."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(5)
        if kind == 0 and data:
            data[at % len(data)] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del data[at:]
        elif kind == 2:
            data[at:at] = rng.randbytes(rng.randint(1, 8))
        elif kind == 3:
            del data[at : at + rng.randint(1, 64)]
        else:
            data[at : at + 4] = struct.pack("<I", rng.choice((0, 1, 2**31, 2**32 - 1)))
    return bytes(data)


def _bent(rng, value, depth=0):
    """A JSON value with a fault somewhere in it."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(sorted(value))
        if rng.random() < 0.1:
            return {k: v for k, v in value.items() if k != key}
        return value | {key: _bent(rng, value[key], depth + 1)}
    if isinstance(value, list) and value and rng.random() < 0.9:
        at = rng.randrange(len(value))
        if rng.random() < 0.1:
            return value[:at] + value[at + 1 :]
        return [*value[:at], _bent(rng, value[at], depth + 1), *value[at + 1 :]]
    return rng.choice(
        (None, 0, -1, 1, 2**31, 2**40, 1e300, "", "x", "int8", True, [], [0], {}, [[]], {"a": 1})
    )


def om_bytes(rng):
    """Bytes that are no OM file, a damaged one, or one of a wrong content with a right checksum."""
    good = worlds.files()[rng.choice(("static", "batch", "aipp", "add"))]
    kind = rng.randrange(4)
    if kind == 0:
        return rng.randbytes(rng.randint(0, 600))
    if kind == 1:
        return mutated(rng, good)
    definition, graph = unpack(good)
    if kind == 2:
        body = mutated(rng, good[HEADER_BYTES:])
        head = bytearray(good[:HEADER_BYTES])
        head[12:76] = hashlib.sha256(body).hexdigest().encode()
        head[76:80] = struct.pack("<I", len(body))
        return bytes(head) + body
    try:
        return pack(_bent(rng, definition), graph)
    except (KeyError, TypeError, ValueError, AttributeError):
        return good


def load_om(rng):
    """Load random bytes as a model and as an operator; run what loads; whether anything was refused."""
    data = om_bytes(rng) or b"\0"
    ptr = acl.util.bytes_to_ptr(data)
    model, ret = acl.mdl.load_from_mem(ptr, len(data))
    _check(ret)
    if not ret:
        desc, given, made = acl.mdl.create_desc(), acl.mdl.create_dataset(), acl.mdl.create_dataset()
        acl.mdl.get_desc(desc, model)
        pointers = []
        for side, dataset in (("input", given), ("output", made)):
            for i in range(getattr(acl.mdl, f"get_num_{side}s")(desc)):
                size = getattr(acl.mdl, f"get_{side}_size_by_index")(desc, i)
                address, failed = acl.rt.malloc(size, 0)
                if not failed and size < 2**24:
                    pointers.append(address)
                    acl.mdl.add_dataset_buffer(dataset, acl.create_data_buffer(address, size))
                acl.mdl.get_input_dims(desc, i)
                acl.mdl.get_cur_output_dims(desc, i)
        _check(acl.mdl.execute(model, given, made))
        acl.rt.synchronize_stream(0)
        for address in pointers:
            acl.rt.free(address)
        assert acl.mdl.unload(model) == 0
    _check(acl.op.load(ptr, len(data)))
    return ret


def _check(ret):
    assert ret == 0 or (ret in npusim.errors and acl.get_recent_err_msg())


def aipp_text(rng):
    """Text that is no AIPP configuration, or one with faults."""
    if rng.random() < 0.3:
        return " ".join(rng.choice(WORDS) for _ in range(rng.randint(0, 20)))
    words = AIPP.split()
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(words))
        words[at] = rng.choice((*WORDS, words[rng.randrange(len(words))]))
    return " ".join(words)


def known(error):
    """That a refusal has a code that CANN has."""
    assert error.name in npusim.errors
    return True


def read_aipp(rng, folder):
    """Read a random AIPP configuration and fit it to a model; returns whether it was refused."""
    path = folder / "aipp.cfg"
    path.write_bytes(
        aipp_text(rng).encode("utf-8", "surrogatepass") if rng.random() < 0.9 else rng.randbytes(99)
    )
    try:
        for settings in aipp.read(path):
            if settings["aipp_mode"] == "static":
                aipp.fit(path, settings, (1, 3, 224, 224), "NCHW")
    except AtcError as error:
        return known(error)
    return False


def read_json(rng, folder):
    """Read a random description of operators and a random acl.json; returns whether one was refused."""
    path = folder / "x.json"
    text = json.dumps(_bent(rng, [worlds.ADD])).encode()
    data = text if rng.random() < 0.5 else mutated(rng, text) if rng.random() < 0.7 else rng.randbytes(60)
    path.write_bytes(data)
    refused = False
    try:
        for single in single_op.read(path):
            single_op.compile_op(single, npusim.find_chip(worlds.SOC))
    except AtcError as error:
        refused = known(error)
    if _state.State.initialised:
        return refused
    ret = acl.init(str(path))
    assert ret in npusim.errors or ret == 0
    if ret == 0:
        acl.finalize()
    return refused or bool(ret)


def fresh_world():
    """A new process's worth of live things; the machine before is forgotten."""
    if _state.State.initialised:
        acl.finalize()
    os.environ["NPUSIM_SOC"] = worlds.SOC
    npusim.reset()
    return worlds.build()


__all__ = ["OmError", "call_sequence", "fresh_world", "load_om", "read_aipp", "read_json"]
