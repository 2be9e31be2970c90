"""Hidden checks of "From ONNX to an application". Only their probes enter the learner's kernel."""

from typing import Any

from camp.checks import Ask, check
from npusim.replay import Event, Timed

DEVICE = Timed()
CHIP = "Ascend910B3"

# Each probe makes its own networks, converts them by the command's own code, and begins with a device of its
# own, whatever an earlier task left behind.
FRESH = """
import contextlib, io, os
import acl
import numpy as np
import onnx
from onnx import helper, numpy_helper
from atc.cli import main as converter
acl.finalize()
acl.rt.reset_device(0)
acl.init()
acl.rt.set_device(0)

def network(path, batch, classes=0, height=64, width=64, name="picture", gain=""):
    \"\"\"The means of the three channels; with classes, these by a matrix of whole numbers.\"\"\"
    nodes = [helper.make_node("Mul", [name, gain], ["bright"])] if gain else []
    nodes.append(helper.make_node("GlobalAveragePool", ["bright" if gain else name], ["m"]))
    nodes.append(helper.make_node("Flatten", ["m"], ["means"]))
    mix = [[(3 * k + 5 * c) % 7 - 3 for k in range(classes)] for c in range(3)]
    if classes:
        nodes.append(helper.make_node("MatMul", ["means", "mix"], ["scores"]))
    inputs = [helper.make_tensor_value_info(name, 1, [batch, 3, height, width])]
    if gain:
        inputs.append(helper.make_tensor_value_info(gain, 1, [batch, 1, 1, 1]))
    graph = helper.make_graph(
        nodes, "g", inputs,
        [helper.make_tensor_value_info("scores" if classes else "means", 1, [batch, classes or 3])],
        [numpy_helper.from_array(np.array(mix, np.float32), "mix")] if classes else [],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)

def convert(*options):
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            converter(list(options), standalone_mode=False)
    except SystemExit:
        return said.getvalue()[-300:]
    except Exception as trouble:
        return f"{type(trouble).__name__}: {trouble}"[:300]
    return ""

RGB = "aipp_op { aipp_mode: static input_format: RGB888_U8 src_image_size_w: 64 src_image_size_h: 64 }"

def rgb_model(name, batch, classes):
    network(f"{name}.onnx", batch, classes)
    with open(f"{name}.cfg", "w") as file:
        file.write(RGB)
    failed = convert(
        f"--model={name}.onnx", "--framework=5", f"--output={name}", "--soc_version=Ascend910B3",
        f"--input_shape=picture:{batch},3,64,64", f"--insert_op_conf={name}.cfg",
    )
    assert not failed, failed
    return acl.mdl.load_from_file(f"{name}.om")[0]

def pixels_on_device(colours):
    image = np.concatenate([np.tile(np.uint8(colour), 4096) for colour in colours])
    address = acl.rt.malloc(image.nbytes, 0)[0]
    acl.rt.memcpy(address, image.nbytes, acl.util.numpy_to_ptr(image), image.nbytes, 1)
    return address

def run(model, sizes, address=None, given=b""):
    sets, places = [], []
    for size in sizes:
        places.append(acl.rt.malloc(size, 0)[0])
        sets.append(acl.mdl.create_dataset())
        acl.mdl.add_dataset_buffer(sets[-1], acl.create_data_buffer(places[-1], size))
    acl.rt.memcpy(places[0], sizes[0], acl.util.bytes_to_ptr(given), sizes[0], 1)
    code = acl.mdl.execute(model, *sets)
    back = np.zeros(sizes[1] // 4, np.float32)
    acl.rt.memcpy(acl.util.numpy_to_ptr(back), back.nbytes, places[1], back.nbytes, 2)
    return code, back.tolist()
"""
# Takes down what is created, and tells how much of it can still be destroyed.
OPENED = """
opened = []

def watch(module, create, destroy):
    call = getattr(module, create)
    call = getattr(call, "as_it_was", call)
    def instead(*given, **named):
        opened.append((create, getattr(module, destroy), call(*given, **named)))
        return opened[-1][-1]
    instead.as_it_was = call
    setattr(module, create, instead)

def watch_all():
    watch(acl.mdl, "create_desc", "destroy_desc")
    watch(acl.mdl, "create_dataset", "destroy_dataset")
    watch(acl, "create_data_buffer", "destroy_data_buffer")
    watch(acl.media, "dvpp_create_pic_desc", "dvpp_destroy_pic_desc")
    watch(acl.media, "dvpp_create_resize_config", "dvpp_destroy_resize_config")

def left_open():
    return sorted(create for create, destroy, handle in list(opened) if destroy(handle) == 0)
"""


def _said(failed: str) -> str:
    """The line of ATC's that has its code."""
    lines = failed.strip().splitlines() or [""]
    return next((line for line in lines if line.startswith("E1")), lines[-1])


def _closed(ask: Ask, given: str, left: list[str]) -> None:
    ask.expect(
        not left,
        given=given,
        expected="nothing that can still be destroyed",
        came="no counterpart for " + ", ".join(f"{left.count(x)} {x}" for x in sorted(set(left))),
        why="Memory of the device does not show it: each create has its destroy, on every way out.",
    )


# --- Task 1 ----------------------------------------------------------------------------------------------

CONVERT = (
    FRESH
    + """
network("given.onnx", "n", height="h", width="w")
with open("given.cfg", "w") as file:
    file.write("aipp_op { aipp_mode: static input_format: RGB888_U8 ")
    file.write(f"src_image_size_w: {shape[3]} src_image_size_h: {shape[2]} }}")
command = atc_command("given.onnx", output, soc, tuple(shape), *(["given.cfg"] if aipp else []))
result = {"command": command if type(command) is list else str(type(command))}
if type(command) is list and all(type(word) is str for word in command):
    os.makedirs("out", exist_ok=True)
    result["failed"] = convert(*command[1:])
    model, code = acl.mdl.load_from_file(output + ".om")
    result["load"] = code
    if code == 0:
        told = acl.mdl.create_desc()
        acl.mdl.get_desc(told, model)
        result["bytes"] = acl.mdl.get_input_size_by_index(told, 0)
        acl.mdl.unload(model)
"""
)


def _converted(ask: Ask, soc: str, *, aipp: bool) -> tuple[list[int], str, dict[str, Any]]:
    shape = [ask.random.randint(2, 9), 3, 8 * ask.random.randint(2, 9), 8 * ask.random.randint(10, 15)]
    output = f"out/m{ask.random.randint(1, 10**6)}"
    came = ask.run(CONVERT, shape=shape, soc=soc, output=output, aipp=aipp)
    given = f"shape={tuple(shape)}, soc={soc!r}, output={output!r}{', with AIPP' if aipp else ''}"
    ask.expect(
        isinstance(came["command"], list) and came["command"][:1] == ["atc"] and "failed" in came,
        given=given,
        expected="a list of str that begins with atc",
        came=came["command"],
        why="subprocess.run takes the words of a command apart; a shell would look at quotes and semicolons.",
    )
    ask.expect(
        not came["failed"],
        given=given,
        expected="ATC run success",
        came=f"{_said(came['failed'])} for {came['command'][1:]}",
        why="A code of ATC names the option that it does not like.",
    )
    return shape, given, came


@check("convert", points=1, title="another shape, on this chip")
def other_shape(ask: Ask) -> None:
    shape, given, came = _converted(ask, CHIP, aipp=False)
    ask.expect(
        came["load"] == 0,
        given=given,
        expected="an offline model that loads from output + .om",
        came=f"code {came['load']} after {came['command']}",
        why="145002 is a file that is not there, 507008 one for another chip.",
    )
    ask.expect(
        came["bytes"] == 4 * shape[0] * shape[1] * shape[2] * shape[3],
        given=given,
        expected=f"an input of {shape} in float32",
        came=f"{came['bytes']} bytes",
        why="Memory is planned and work is cut for exactly these sizes.",
    )


@check("convert", points=1, title="a model for another chip")
def other_chip(ask: Ask) -> None:
    soc = ask.random.choice(["Ascend310P3", "Ascend310B4", "Ascend910B1"])
    _, given, came = _converted(ask, soc, aipp=False)
    ask.expect(
        came["load"] == 507008,
        given=given,
        expected="a model that this chip, another one, refuses: 507008",
        came=f"code {came['load']} at loading it here, after {came['command']}",
        why="The chip's name comes from the caller: what is converted here may be for a box elsewhere.",
    )


@check("convert", points=1, title="with settings of AIPP")
def with_aipp(ask: Ask) -> None:
    shape, given, came = _converted(ask, CHIP, aipp=True)
    ask.expect(
        came["load"] == 0 and came["bytes"] == shape[0] * shape[1] * shape[2] * shape[3],
        given=given,
        expected=f"an input of {shape} in bytes",
        came=f"code {came['load']}, {came.get('bytes')} bytes",
        why="With AIPP the input is pictures in bytes; without it, floats.",
    )


# --- Task 2 ----------------------------------------------------------------------------------------------

AIPP = (
    FRESH
    + """
network("means.onnx", 1, height=height, width=width)
with open("means.cfg", "w") as file:
    file.write(aipp_config(width, height, *more))
failed = convert(
    "--model=means.onnx", "--framework=5", "--output=means", "--soc_version=Ascend910B3",
    f"--input_shape=picture:1,3,{height},{width}", "--insert_op_conf=means.cfg",
)
result = {"failed": failed}
if not failed:
    model = acl.mdl.load_from_file("means.om")[0]
    told = acl.mdl.create_desc()
    acl.mdl.get_desc(told, model)
    size = acl.mdl.get_input_size_by_index(told, 0)
    result["bytes"] = size
    result["came"] = [
        run(model, (size, 12), given=(bytes([y]) * (width * height) + bytes([u, v]) * size)[:size])[1]
        for y, u, v in pictures
    ]
    acl.mdl.unload(model)
"""
)


COLOUR_OFF = 1.5
"""Steps of 1/255 by which a colour may be off, since matrix and unit round. Grey is exact."""


def _rgb(y: int, u: int, v: int) -> list[float]:
    colours = (y + 1.402 * (v - 128), y - 0.344 * (u - 128) - 0.714 * (v - 128), y + 1.772 * (u - 128))
    return [min(255.0, max(0.0, colour)) for colour in colours]


def _prepared(ask: Ask, pictures: list[list[int]], mean: list[int], std: list[float], why: str) -> None:
    width, height = 16 * ask.random.randint(3, 6), 16 * ask.random.randint(7, 9)
    more = [mean, std] if any(mean) or std != [1.0] * 3 else []
    came = ask.run(AIPP, width=width, height=height, more=more, pictures=pictures)
    given = f"{width} x {height}, mean={mean}, std={std}"
    ask.expect(
        not came["failed"], given=given, expected="settings that ATC takes", came=_said(came["failed"])
    )
    ask.expect(
        came["bytes"] == width * height * 3 // 2,
        given=given,
        expected=f"an input of {width * height * 3 // 2} bytes, NV12",
        came=f"{came['bytes']} bytes",
        why="NV12 has a byte of brightness for each pixel, and two of colour for each four.",
    )
    for picture, found in zip(pictures, came["came"], strict=True):
        wanted = [(c - m) / 255 / s for c, m, s in zip(_rgb(*picture), mean, std, strict=True)]
        off = 0 if picture[1:] == [128, 128] and not more else COLOUR_OFF
        ask.expect(
            all(abs(a - b) <= off / 255 / s + 0.002 / s for a, b, s in zip(found, wanted, std, strict=True)),
            given=f"{given}, a picture of Y, U, V = {picture}",
            expected=f"R, G, B {[round(w, 3) for w in wanted]}",
            came=f"R, G, B {[round(f, 3) for f in found]}",
            why=why,
        )


@check("aipp", points=1, title="grey pictures")
def greys(ask: Ask) -> None:
    levels = (0, ask.random.randint(30, 70), ask.random.randint(180, 225), 255)
    pictures = [[level, 128, 128] for level in levels]
    _prepared(ask, pictures, [0] * 3, [1.0] * 3, "Grey has U = V = 128 and three times the same from 0 to 1.")


@check("aipp", points=2, title="coloured pictures")
def colours(ask: Ask) -> None:
    pictures = [[ask.random.randint(90, 160), *(ask.random.randint(70, 190) for _ in "uv")] for _ in range(5)]
    why = "U and V lie around 128: the biases come off before the matrix, whose order is R, G, B by Y, U, V."
    _prepared(ask, pictures, [0] * 3, [1.0] * 3, why)


@check("aipp", points=1, title="mean and deviation of each colour")
def normalised(ask: Ask) -> None:
    mean = ask.random.sample(range(90, 141, 10), 3)  # far enough apart to tell one colour's from another's
    std = ask.random.sample([0.2, 0.22, 0.24, 0.26, 0.28, 0.3], 3)
    levels = (ask.random.randint(20, 40), ask.random.randint(200, 230))
    pictures = [*([level, 128, 128] for level in levels), [150, 90, 160]]
    _prepared(ask, pictures, mean, std, "mean_chn_i and var_reci_chn_i are those of colour i: R, G, B.")


# --- Task 3 ----------------------------------------------------------------------------------------------

DESCRIBE = (
    FRESH
    + OPENED
    + """
network("seen.onnx", batch, classes, height, width, name, gain)
failed = convert(
    "--model=seen.onnx", "--framework=5", "--output=seen", f"--soc_version={soc}",
    f"--input_shape={name}:{batch},3,{height},{width}" + (f";{gain}:{batch},1,1,1" if gain else ""),
)
watch_all()
before = acl.rt.get_mem_info(1)[0]
try:
    came = describe("seen.om")
    came = {kind: [[n, list(d), b] for n, d, b in came[kind]] for kind in ("inputs", "outputs")}
except Exception as trouble:
    came = [type(trouble).__name__, str(trouble)[:300]]
lost = before - acl.rt.get_mem_info(1)[0]
result = {"came": came, "lost": lost, "failed": failed, "open": left_open()}
"""
)


def _described(ask: Ask, soc: str = CHIP, gain: str = "") -> tuple[dict[str, Any], dict[str, Any]]:
    seen = {
        "batch": ask.random.randint(1, 9),
        "classes": ask.random.randint(4, 40),
        "height": ask.random.randint(20, 60),
        "width": ask.random.randint(20, 60),
        "name": f"view{ask.random.randint(1, 99)}",
        "soc": soc,
        "gain": gain,
    }
    return seen, ask.run(DESCRIBE, **seen)


@check("describe", points=2, title="names, dimensions and bytes of another model")
def described(ask: Ask) -> None:
    for gain in ("", f"gain{ask.random.randint(1, 99)}"):
        seen, came = _described(ask, gain=gain)
        dims = [seen["batch"], 3, seen["height"], seen["width"]]
        nbytes = 4 * dims[0] * dims[1] * dims[2] * dims[3]
        inputs = [[seen["name"], dims, nbytes]]
        if gain:
            inputs.append([gain, [dims[0], 1, 1, 1], 4 * dims[0]])
        given = f"a model with the inputs {[one[:2] for one in inputs]} and {seen['classes']} classes"
        found = came["came"]
        ask.expect(isinstance(found, dict), given=given, expected="a dict", came=found)
        ask.expect(
            found["inputs"] == inputs,
            given=given,
            expected=inputs,
            came=found["inputs"],
            why="The application takes as much memory as the model says.",
        )
        outputs = found["outputs"]
        out_dims = [seen["batch"], seen["classes"]]
        ask.expect(
            len(outputs) == 1 and outputs[0][1:] == [out_dims, 4 * out_dims[0] * out_dims[1]],
            given=given,
            expected=[out_dims, 4 * out_dims[0] * out_dims[1]],
            came=outputs,
        )


@check("describe", points=1, title="looking leaves no memory behind")
def unloaded(ask: Ask) -> None:
    _, came = _described(ask)
    ask.expect(
        came["lost"] == 0,
        given="a model",
        expected="as much free device memory as before",
        came=f"{came['lost']} bytes less",
        why="A loaded model keeps weights and working memory until acl.mdl.unload.",
    )
    _closed(ask, "a model", came["open"])


@check("describe", points=1, title="a model that cannot be loaded")
def for_another_chip(ask: Ask) -> None:
    _, came = _described(ask, ask.random.choice(["Ascend310P3", "Ascend310B4"]))
    found = came["came"]
    ask.expect(
        isinstance(found, list) and found[0] == "RuntimeError" and "507008" in found[1],
        given="a model for another chip",
        expected="a RuntimeError with 507008 in its text",
        came=found,
        why="The code is what can be looked up; an empty description would be believed.",
    )


# --- Task 4 ----------------------------------------------------------------------------------------------

DECODE = (
    FRESH
    + OPENED
    + """
from PIL import Image
way = acl.media.dvpp_create_channel_desc()
acl.media.dvpp_create_channel(way)
stream = acl.rt.create_stream()[0]
shot = np.zeros((source[1], source[0], 3), np.uint8)
for i, colour in enumerate(colours):
    shot[i // 2 * (source[1] // 2):, i % 2 * (source[0] // 2):] = colour
    if i == 1:
        shot[:, : source[0] // 2] = colours[0]
    if i == 3:
        shot[source[1] // 2:, : source[0] // 2] = colours[2]
file = io.BytesIO()
Image.fromarray(shot).save(file, "JPEG", quality=95)
jpeg = file.getvalue() if good else b"no picture at all, whatever its name says"
watch_all()
before = acl.rt.get_mem_info(1)[0]
try:
    address, nbytes, stride = decoded(jpeg, size[0], size[1], way, stream)
    raw = np.zeros(nbytes, np.uint8)
    code = acl.rt.memcpy(acl.util.numpy_to_ptr(raw), nbytes, address, nbytes, 2)
    result = {"code": code, "nbytes": nbytes, "stride": stride, "free": acl.media.dvpp_free(address)}
    if nbytes * 2 == stride * size[1] * 3:
        y = raw[: stride * size[1]].reshape(size[1], stride)
        uv = raw[stride * size[1]:].reshape(size[1] // 2, stride // 2, 2)
        places = [(size[1] * r // 4, size[0] * c // 4) for r in (1, 3) for c in (1, 3)]
        result["found"] = [[int(y[r, c]), *uv[r // 2, c // 2].tolist()] for r, c in places]
except Exception as trouble:
    result = {"error": type(trouble).__name__ + ": " + str(trouble)[:200]}
result["lost"] = before - acl.rt.get_mem_info(1)[0]
result["open"] = left_open()
"""
)


def _yuv(r: int, g: int, b: int) -> list[float]:
    y = 0.299 * r + 0.587 * g + 0.114 * b
    return [y, 128 + 0.564 * (b - y), 128 + 0.713 * (r - y)]


def _picture(ask: Ask, source: list[int], size: list[int], *, good: bool = True) -> Any:
    levels = [30, 90, 150, 210]
    corners = [[ask.random.choice(levels) for _ in "rgb"] for _ in range(4)]
    came = ask.run(DECODE, source=source, size=size, colours=corners, good=good)
    return corners, came, f"a JPEG of {source[0]} x {source[1]}, to {size[0]} x {size[1]}"


def _right_picture(ask: Ask, corners: list[list[int]], size: list[int], came: Any, given: str) -> None:
    stride = -(-size[0] // 16) * 16
    ask.expect("error" not in came, given=given, expected="a picture", came=came.get("error"))
    ask.expect(
        (came["stride"], came["nbytes"]) == (stride, stride * size[1] * 3 // 2),
        given=given,
        expected=f"stride {stride} and {stride * size[1] * 3 // 2} bytes",
        came=f"stride {came['stride']} and {came['nbytes']} bytes",
        why="VPC writes rows that begin at multiples of 16 bytes; the plane of colours has half as many.",
    )
    ask.expect(
        came["code"] == 0,
        given=given,
        expected="a picture on the device that the caller can copy",
        came=f"code {came['code']} for copying {came['nbytes']} bytes from its address",
        why="The picture that is returned is the caller's, and freed by the caller.",
    )
    for corner, found in zip(corners, came["found"], strict=True):
        wanted = _yuv(*corner)
        ask.expect(
            all(abs(a - b) <= 6 for a, b in zip(found, wanted, strict=True)),
            given=f"{given}, a quarter of the colour {corner}",
            expected=f"Y, U, V near {[round(w) for w in wanted]}",
            came=found,
            why="Both units only queue their work: the picture is there when the stream was waited for.",
        )


@check("decode", points=2, title="other sizes, multiples of sixteen")
def even_sizes(ask: Ask) -> None:
    source = [16 * ask.random.randint(10, 30), 16 * ask.random.randint(10, 20)]
    size = [16 * ask.random.randint(3, 9), 16 * ask.random.randint(2, 7)]
    corners, came, given = _picture(ask, source, size)
    _right_picture(ask, corners, size, came, given)


@check("decode", points=1, title="a width that is no multiple of sixteen")
def with_margin(ask: Ask) -> None:
    source = [2 * ask.random.randint(90, 200), 2 * ask.random.randint(90, 150)]
    size = [16 * ask.random.randint(3, 8) + 2 * ask.random.randint(1, 7), 2 * ask.random.randint(30, 70)]
    corners, came, given = _picture(ask, source, size)
    _right_picture(ask, corners, size, came, given)


@check("decode", points=1, title="only the picture stays in memory")
def nothing_else_stays(ask: Ask) -> None:
    _, came, given = _picture(ask, [320, 16 * ask.random.randint(10, 20)], [64, 64])
    ask.expect("error" not in came, given=given, expected="a picture", came=came.get("error"))
    ask.expect(
        came["free"] == 0 and came["lost"] == 0,
        given=given,
        expected="as much free memory as before, once the caller has freed the picture",
        came=f"dvpp_free gives {came['free']}; {came['lost']} bytes less",
        why="The file and the large picture are of no use any more, forty cameras at a time.",
    )
    _closed(ask, given, came["open"])


@check("decode", points=1, title="a file that is no picture")
def no_picture(ask: Ask) -> None:
    _, came, _ = _picture(ask, [320, 240], [64, 2 * ask.random.randint(20, 40)], good=False)
    ask.expect(
        came.get("error", "").startswith("RuntimeError") and came["lost"] == 0,
        given="bytes that are no JPEG",
        expected="a RuntimeError, and no memory lost",
        came=f"{came.get('error', 'a picture')}, {came['lost']} bytes lost",
        why="Cameras send broken files; the service lives for months.",
    )
    _closed(ask, "bytes that are no JPEG", came["open"])


# --- Task 5 ----------------------------------------------------------------------------------------------

CLASSIFY = (
    FRESH
    + OPENED
    + """
model = rgb_model("one", 1, classes)
address = pixels_on_device([colour])
watch_all()
before = acl.rt.get_mem_info(1)[0]
try:
    number, scores = classify(model, address if good else 1234, 12288)
    kinds = {type(s).__name__ for s in scores} | {type(scores).__name__}
    came = [type(number).__name__, int(number), [float(s) for s in scores], sorted(kinds)]
except Exception as trouble:
    came = [type(trouble).__name__, str(trouble)[:200]]
lost = before - acl.rt.get_mem_info(1)[0]
result = {"came": came, "lost": lost, "free": acl.rt.free(address), "open": left_open()}
acl.mdl.unload(model)
"""
)


def _scores(colour: list[int], classes: int) -> list[float]:
    return [float(sum(colour[c] * ((3 * k + 5 * c) % 7 - 3) for c in range(3))) for k in range(classes)]


def _clear_colour(ask: Ask, classes: int) -> list[int]:
    """A colour whose best class is well ahead of the next."""
    while True:
        colour = [ask.random.randint(0, 255) for _ in range(3)]
        *_, second, best = sorted(_scores(colour, classes))
        if best - second > 10:
            return colour


def _classified(ask: Ask, *, good: bool = True) -> tuple[list[int], int, dict[str, Any]]:
    classes = ask.random.randint(5, 7)
    colour = _clear_colour(ask, classes)
    return colour, classes, ask.run(CLASSIFY, colour=colour, classes=classes, good=good)


@check("classify", points=2, title="other classes, other pictures")
def classified(ask: Ask) -> None:
    for _ in range(2):
        colour, classes, came = _classified(ask)
        wanted = _scores(colour, classes)
        given = f"a model with {classes} classes and a picture of the colour {colour}"
        found = came["came"]
        ask.expect(
            len(found) == 4 and found[1] == wanted.index(max(wanted)) and found[0] == "int",
            given=given,
            expected=f"class {wanted.index(max(wanted))}, an int",
            came=found,
            why="The highest score's place; how many scores there are, the model says.",
        )
        ask.expect(
            found[3] == ["float", "list"],
            given=given,
            expected="the scores as a list of float",
            came=f"the types {' and '.join(found[3])}",
            why="What is handed on as JSON or written to a file is Python's own float.",
        )
        ask.expect(
            ask.close(found[2], wanted, rtol=5e-3, atol=1.0),
            given=given,
            expected=wanted,
            came=found[2],
            why="float32 scores, 4 bytes each, copied from the device when the run is done.",
        )


@check("classify", points=1, title="the picture stays, everything else goes")
def gives_back(ask: Ask) -> None:
    _, _, came = _classified(ask)
    ask.expect(
        came["lost"] == 0 and came["free"] == 0,
        given="one picture",
        expected="as much free memory as before, and a picture that is the caller's",
        came=f"{came['lost']} bytes less, free of the picture: {came['free']}",
        why="Two pictures a second, day and night: 5 million leaks a month.",
    )
    _closed(ask, "one picture", came["open"])


@check("classify", points=1, title="a run that is refused")
def refused(ask: Ask) -> None:
    _, _, came = _classified(ask, good=False)
    ask.expect(
        came["came"][0] == "RuntimeError" and came["lost"] == 0,
        given="an address that is no device memory",
        expected="a RuntimeError, and no memory lost",
        came=f"{came['came']}, {came['lost']} bytes lost",
        why="execute answers 107000; without a look at the code, zeros would be the scores.",
    )
    _closed(ask, "an address that is no device memory", came["open"])


# --- Task 6 ----------------------------------------------------------------------------------------------

MANY_SETUP = (
    FRESH
    + """
model, single = rgb_model("eight", 8, classes), rgb_model("single", 1, classes)
stream = acl.rt.create_stream()[0]
room = -(-len(colours) // 8) * 8
address = pixels_on_device(colours + [[255, 0, 255]] * (room - len(colours)))
"""
)
MANY = (
    MANY_SETUP
    + """
waiting = ("synchronize_stream", "synchronize_device", "synchronize_event", "stream_query", "query_event")
queued, early = [], []

def listen(module, name):
    call = getattr(module, name)
    call = getattr(call, "as_it_was", call)
    def instead(*given, **named):
        came = call(*given, **named)
        if name == "execute_async":
            queued.append(name)
        elif name in waiting:
            queued.clear()
        elif queued:
            early.append(name)
        return came
    instead.as_it_was = call
    setattr(module, name, instead)

for name in ("execute_async", "destroy_dataset"):
    listen(acl.mdl, name)
for name in ("free", *waiting):
    listen(acl.rt, name)
before = acl.rt.get_mem_info(1)[0]
acl.rt.synchronize_device()
begin()
came = classify_many(model, address, len(colours), 12288, stream)
end()
acl.rt.synchronize_stream(stream)
lost = before - acl.rt.get_mem_info(1)[0]
result = {
    "came": [int(c) for c in came], "lost": lost, "early": sorted(set(early)), "free": acl.rt.free(address),
}
"""
)
ONE_BY_ONE = (
    MANY_SETUP
    + """
place = acl.rt.malloc(4 * classes, 0)[0]
back = np.zeros(classes, np.float32)
sets = [acl.mdl.create_dataset() for _ in range(2)]
acl.mdl.add_dataset_buffer(sets[0], acl.create_data_buffer(address, 12288))
acl.mdl.add_dataset_buffer(sets[1], acl.create_data_buffer(place, 4 * classes))
acl.rt.synchronize_device()
begin()
acl.mdl.execute(single, *sets)
acl.rt.memcpy(acl.util.numpy_to_ptr(back), back.nbytes, place, back.nbytes, 2)
end()
result = acl.rt.free(address)
"""
)


def _many(ask: Ask, count: int) -> tuple[dict[str, Any], list[Event]]:
    classes = ask.random.randint(5, 7)
    colours = [_clear_colour(ask, classes) for _ in range(count)]
    came, events = ask.on_device(DEVICE, MANY, colours=colours, classes=classes)
    wanted = [max(range(classes), key=_scores(colour, classes).__getitem__) for colour in colours]
    ask.expect(
        came["came"] == wanted,
        given=f"{count} pictures, {classes} classes",
        expected=wanted,
        came=came["came"],
        why="Runs in flight at the same time need places of their own, and the stream has to be waited for.",
    )
    return came, events


def _pictures(events: list[Event]) -> int:
    """How many pictures went through the whole network on the device."""
    runs = [e.graph for e in events if e.graph and not e.place]
    return sum(run[0].op.inputs[0].shape[0] for run in runs if any(n.op.kind == "matmul" for n in run))


@check("many", points=2, title="all classes, in order, for any number of pictures")
def all_classes(ask: Ask) -> None:
    for count in (ask.random.randint(1, 7), 8 * ask.random.randint(2, 3), ask.random.randint(17, 23)):
        _many(ask, count)


@check("many", points=1, title="nothing is left behind, and nothing goes too early")
def many_give_back(ask: Ask) -> None:
    came, _ = _many(ask, 8 * ask.random.randint(1, 2) + ask.random.randint(1, 7))
    ask.expect(
        came["lost"] == 0 and came["free"] == 0,
        given="some pictures",
        expected="as much free memory as before",
        came=f"{came['lost']} bytes less, free of the pictures: {came['free']}",
        why="What is taken for each call is taken some thousand times an hour.",
    )
    ask.expect(
        not came["early"],
        given="some pictures",
        expected="memory and datasets that live until the stream was waited for",
        came=f"{' and '.join(came['early'])} before the wait",
        why="The runs are only queued by then, and read later what has been given back.",
    )


def _fast(ask: Ask, times: int) -> None:
    count = 8 * ask.random.randint(7, 9)
    _, events = _many(ask, count)
    ask.expect(
        _pictures(events) >= count,
        given=f"{count} pictures",
        expected="all of them through the model on the device",
        came=f"{_pictures(events)} pictures",
    )
    _, one = ask.on_device(DEVICE, ONE_BY_ONE, colours=[[9, 9, 9]], classes=5)
    slow = DEVICE.ms(one * count)
    ask.device_ms = DEVICE.ms(events)
    ask.expect(
        ask.device_ms <= slow / times,
        given=f"{count} pictures; {slow:.3f} ms with one execute for each",
        expected=f"at most {slow / times:.3f} ms of device time",
        came=f"{ask.device_ms:.3f} ms",
        why="Each run begins with the same preparations for one picture as for eight, and a host that waits "
        "prepares nothing.",
    )


@check("many", points=1, title="at most a quarter of the time")
def four_times_as_fast(ask: Ask) -> None:
    _fast(ask, 4)


@check("many", points=1, title="at most a ninth of the time")
def nine_times_as_fast(ask: Ask) -> None:
    _fast(ask, 9)
