"""What answers probes inside the learner's kernel; its text is run there before any of the learner's code.

The learner's code shares the process with it, and may replace whatever a module holds. So nothing here looks
a name up later: built-in functions, the JSON encoder and the way out are taken once, while they are what
Python brought. A probe is signed by the grader and its answer is signed here, with a key that is in no
module, no frame that a notebook can reach and no list of the garbage collector: an answer cannot be sent in
a probe's name, and a probe cannot be replaced by another. What is replaced in the libraries that checks
see the device through is put back before a probe runs, and told if it was replaced again meanwhile.

What it cannot do: code that writes to the process's memory (ctypes, NumPy on a raw address) gets past it. So
checks should not ask the kernel for what they can compute themselves. See `camp.checks`.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import _thread
import builtins
import gc
import json
import json.encoder
import os
import random
import sys
from _blake2 import blake2b
from _operator import is_
from types import CellType, CodeType, FrameType, FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ASK = "camp.ask"
BEGIN, END = "camp.begin", "camp.end"
"""Stand in a probe's text for the functions that bound what is collected beside it."""
KEY_BYTES = 32
# Reading these leads from a learner's function to the frames of the check that called it.
_FRAMES = frozenset({"tb_frame", "gi_frame", "cr_frame", "ag_frame"})
_GIVE_FRAMES = frozenset(
    {"sys._getframe", "sys._current_frames", "sys._current_exceptions", "sys.setprofile"}
)
_ON_BEHALF = frozenset(
    {
        "currentframe",
        "stack",
        "trace",
        "walk_stack",
        "walk_tb",
        "getinnerframes",
        "getouterframes",
        "_task_get_stack",
        "<lambda>",
    }
)
# Libraries that hand frames on to whoever asks them; IPython itself asks them for its tracebacks.
_HAND_ON = (
    "/stack_data/",
    "/executing/",
    "/IPython/utils/frame.py",
    "/profile.py",
    "/threading.py",
    "/bdb.py",
)
_OURS = frozenset({"<hidden check>", "<grader>"})
_NATIVE = ("PyEval_", "PyFrame", "_PyFrame", "PyThreadState", "_PyThreadState", "PySys_", "_PySys_", "PyGC_")
# What must be as it was installed while a probe runs: a check sees the device through it.
_CLASSES = ("Tensor", "SGD", "Optimizer", "TorchDispatchMode", "Module", "Linear", "Parameter")
_EMPTY_CELL = CellType()
_MAX_WRAPS = 8
_MAX_NAMES = 5
_WATCHED = (
    "builtins",
    "hashlib",
    "math",
    "types",
    "torch",
    "torch._C",
    "torch.utils._python_dispatch",
    "torch.nn.functional",
    "torch.nn.modules.linear",
    "torch.nn.modules.module",
    "torch.nn.parameter",
    "torch.optim.optimizer",
    "torch.optim.sgd",
)
_WATCHED_WHOLE = ("npusim", "torch_npu", "acl")
_FREE = frozenset({"__repr__", "__str__", "__format__", "__doc__", "__module__"})
_FROM_FRAME = _GIVE_FRAMES | {"object.__getattr__"}
_LIST_OBJECTS = frozenset({"gc.get_objects", "gc.get_referrers"})
_ALWAYS = frozenset({"sys.settrace", "sys._current_frames", "sys.addaudithook"})
_REFUSAL = "graded code cannot do this: {} leads into the grader's own frames; leave it out"


class GradedCodeError(RuntimeError):
    """The learner's code tried to reach the frames of whoever calls it."""


def guard(  # noqa: C901 - one closure, for nothing of it may be a name in a module
    libraries: tuple[str, ...], cells: str, running: list[int]
) -> Callable[[str, tuple[Any, ...]], None]:
    """A hook that refuses learners' code the frames of its callers.

    Libraries may have them: logging and warnings need them.

    Args:
        libraries: folders whose code is not the learner's.
        cells: a part of the file names that cells are given.
        running: holds something while a probe runs, whose own names the garbage collector would list.
    """
    getframe, ident, active = sys._getframe, _thread.get_ident, set[int]()  # noqa: SLF001 - its purpose

    def of_learner(name: str) -> bool:
        return cells in name or not name.startswith(libraries)

    def asks(event: str, args: tuple[Any, ...]) -> str:
        """What the event asks for that learners may not have, or empty."""
        if event == "object.__getattr__":
            return args[1] if args[1] in _FRAMES else ""
        if event in {"compile", "code.__new__"}:
            pretended = args[1]
            return "a file name of a library" if type(pretended) is str and not of_learner(pretended) else ""
        if event == "ctypes.dlsym":
            return str(args[1]) if str(args[1]).startswith(_NATIVE) else ""
        return event if event in _GIVE_FRAMES | _ALWAYS or (running and event in _LIST_OBJECTS) else ""

    def asker(frame: FrameType) -> FrameType:
        """Who asks, past functions that ask for others."""
        while frame.f_back is not None and (
            frame.f_code.co_name in _ON_BEHALF or any(p in frame.f_code.co_filename for p in _HAND_ON)
        ):
            frame = frame.f_back
        return frame

    def hook(event: str, args: tuple[Any, ...]) -> None:
        me = ident()
        if me in active:
            return
        wanted = asks(event, args)
        if not wanted:
            return
        active.add(me)
        try:
            frame = getframe(1)
            if event in _FROM_FRAME:
                frame = asker(frame)
            ours = event == "sys._getframe" and args and args[0].f_code.co_filename in _OURS
            always = event in _ALWAYS or event == "ctypes.dlsym" or ours
            if not always and not of_learner(frame.f_code.co_filename):
                return
        finally:
            active.discard(me)
        raise GradedCodeError(_REFUSAL.format(wanted))

    return hook


def watching(libraries: tuple[str, ...]) -> SimpleNamespace:
    """What notes what modules hold, for `restore` to tell what was replaced since, and to put it back.

    No class of our own: every class is in the list that `object.__subclasses__` gives, and leads here.

    Args:
        libraries: folders whose own replacements stay: PyTorch wraps its optimizers, and a tool that moves
            scripts from one device to another replaces functions by its nature.
    """
    held: list[tuple[Any, Any, tuple[str, ...], tuple[Any, ...]]] = []  # by owner
    codes: list[tuple[FunctionType, CodeType, Any, Any]] = []
    classes: list[tuple[type, set[str], set[str]]] = []  # what each has, and what it inherits
    return SimpleNamespace(
        libraries=libraries,
        held=held,
        codes=codes,
        seen=set[int](),
        classes=classes,
        modules=dict(sys.modules),
    )


def note(watch: SimpleNamespace, module: ModuleType, *, whole: bool) -> None:
    """Note a module's functions and classes; with `whole`, also what is in its classes."""
    root = module.__name__.partition(".")[0]
    held = {key: value for key, value in vars(module).items() if callable(value)}
    watch.held.append((vars(module), module, (*held,), (*held.values(),)))
    for key, value in held.items():
        if not isinstance(value, type):
            _note_code(watch, value)
        elif (whole or key in _CLASSES) and str(value.__module__).partition(".")[0] == root:
            _note_class(watch, value)


def _note_class(watch: SimpleNamespace, cls: type) -> None:
    if id(cls) in watch.seen:
        return
    watch.seen.add(id(cls))
    inherited = {key for base in cls.__mro__[1:] for key in vars(base)} - _FREE
    watch.classes.append((cls, {*vars(cls)}, inherited - {*vars(cls)}))
    held = {
        key: value
        for key, value in vars(cls).items()
        if key not in _FREE and (callable(value) or hasattr(type(value), "__get__"))
    }
    watch.held.append((vars(cls), cls, (*held,), (*held.values(),)))
    for value in held.values():
        _note_code(watch, value)


def _note_code(watch: SimpleNamespace, value: Any) -> None:
    for one in (value, getattr(value, "__func__", None), getattr(value, "fget", None)):
        if type(one) is FunctionType and id(one) not in watch.seen:
            watch.seen.add(id(one))
            watch.codes.append((one, one.__code__, one.__defaults__, one.__kwdefaults__))


def restore(watch: SimpleNamespace) -> list[str]:
    """Put back what was replaced, and return its names."""
    here = sys.modules
    found = [
        name
        for name, module in watch.modules.items()
        if here.get(name) is not module and not migrated(watch, name)
    ]
    for name in found:
        here[name] = watch.modules[name]
    found += without_modes(watch)
    for names, owner, keys, values in watch.held:
        if not all(map(is_, map(names.get, keys), values)):  # seldom; it runs twice a probe
            found += put_back(watch, names, owner, dict(zip(keys, values, strict=True)))
    for cls, had, inherited in watch.classes:
        if had.issuperset(vars(cls)):
            continue
        # A name that is new in a class hides what it inherits, as Tensor does most of its methods.
        for key in [k for k in vars(cls) if k not in had and k in inherited]:
            if not librarys(watch, vars(cls)[key], 0):
                delattr(cls, key)
                found.append(f"{cls.__name__}.{key}")
    for function, code, defaults, keywords in watch.codes:
        if function.__code__ is not code or function.__defaults__ is not defaults:
            function.__code__, function.__defaults__, function.__kwdefaults__ = code, defaults, keywords
            found.append(function.__qualname__)
    return found


def put_back(watch: SimpleNamespace, names: Any, owner: Any, held: dict[str, Any]) -> list[str]:
    """Put back what an owner held, and return what it was called."""
    found = []
    for key, value in held.items():
        now = names.get(key)
        if now is not value and not librarys(watch, now, 0):
            setattr(owner, key, value)
            found.append(f"{owner.__name__}.{key}")
    return found


def without_modes(watch: SimpleNamespace) -> list[str]:
    """End the modes of PyTorch that no library wrote: each would answer for every tensor."""
    torch = watch.modules.get("torch._C")
    if torch is None:
        return []
    found = []
    for kind in ("function", "dispatch"):
        length, pop, push = (
            getattr(torch, f"_{what}_torch_{kind}_stack") for what in ("len", "pop", "push_on")
        )
        kept = []
        while length():
            mode = pop()
            if librarys(watch, type(mode), 0):
                kept.append(mode)
            else:
                found.append(type(mode).__name__)
        for mode in reversed(kept):
            push(mode)
    return found


def migrated(watch: SimpleNamespace, name: str) -> bool:
    """Whether a module of CUDA's gave its place to one of the NPU's, as `transfer_to_npu` has it."""
    now: Any = sys.modules.get(name)
    own = getattr(now, "__name__", None)
    return (
        name.startswith("torch.cuda")
        and type(own) is str
        and own.startswith("torch_npu.")
        and watch.modules.get(own) is now
    )


def librarys(watch: SimpleNamespace, value: Any, depth: int) -> bool:
    """Whether a library wrote this function or class, and everything that it wraps."""
    if isinstance(value, type):
        home = sys.modules.get(value.__module__)
        at = str(getattr(home, "__file__", ""))
        return getattr(home, value.__name__, None) is value and at.startswith(watch.libraries)
    if type(value) is property:
        parts = [one for one in (value.fget, value.fset, value.fdel) if one is not None]
        return bool(parts) and all(librarys(watch, one, depth + 1) for one in parts)
    function = getattr(value, "__func__", value)
    if type(function) is not FunctionType or depth > _MAX_WRAPS:
        return False
    if not function.__code__.co_filename.startswith(watch.libraries):
        return False
    wrapped = [c.cell_contents for c in function.__closure__ or () if c != _EMPTY_CELL]
    return all(
        librarys(watch, one, depth + 1)
        for one in wrapped
        if isinstance(one, FunctionType | MethodType) and one is not function  # one that calls itself
    )


def plain(value: Any) -> Any:
    """What JSON does not know, as what it does: scalars and arrays of NumPy, tensors."""
    for module, kind in (("numpy", "generic"), ("numpy", "ndarray"), ("torch", "Tensor")):
        base = getattr(sys.modules.get(module), kind, None)
        if isinstance(base, type) and isinstance(value, base):
            return value.tolist()  # type: ignore[attr-defined]
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def generators() -> list[tuple[Callable[[], Any], Callable[[Any], Any], Callable[[int], Any]]]:
    """Of each random generator that is in use here: what gives its state, what sets it, and what seeds it."""
    found: list[Any] = [(random.getstate, random.setstate, random.seed)]
    if (numpy := sys.modules.get("numpy.random")) is not None:
        found.append((numpy.get_state, numpy.set_state, numpy.seed))
    if (torch := sys.modules.get("torch")) is not None:
        host = torch.default_generator
        found.append((host.get_state, host.set_state, host.manual_seed))
        npu = getattr(torch, "npu", None)
        if npu is not None and npu.is_initialized():
            found.append((npu.get_rng_state_all, npu.set_rng_state_all, npu.manual_seed_all))
    return found


def answerer(  # noqa: C901, PLR0913, PLR0917 - what it must hold, as no name can be looked up later
    namespace: dict[str, Any],
    publish: Callable[..., Any],
    restore: Callable[[], list[str]],
    running: list[int],
    key: bytes,
    form: tuple[str, int],
) -> Callable[[str, tuple[Any, ...]], None]:
    """A hook that runs the grader's probes in a copy of the learner's namespace and sends what they find.

    What a probe draws at random depends on its seed alone, and what cells draw not on the probes between.

    Args:
        namespace: the learner's names.
        publish: sends data to the grader.
        restore: puts back what was replaced in the libraries, and names it.
        running: holds something while a probe runs.
        key: what both sides sign with.
        form: the type that the data is sent under, and how many characters it may have.
    """
    mime, limit = form
    scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
    encoder, escape = json.encoder.c_make_encoder, json.encoder.encode_basestring_ascii  # type: ignore[attr-defined]
    own = dict(vars(builtins))
    in_use = generators
    asked = [0]
    text, collector = "", compile("", "<grader>", "exec")

    def signature(text: str) -> str:
        return blake2b(text.encode(), key=key).hexdigest()

    def hook(event: str, args: tuple[Any, ...]) -> None:
        nonlocal text, collector
        if event != ASK:
            return
        order, signed = args
        if type(order) is not str or signature(order) != signed:
            return
        number, code, inputs, seed, beside = scan(order, 0)[0]
        if number <= asked[0]:
            return
        asked[0] = number
        restore()
        # A learner's own `type` or `float` is the learner's business, not the probe's.
        inside = {k: v for k, v in namespace.items() if k not in own or k[:2] == "__"}
        inside |= {"__builtins__": dict(own), **inputs}
        apart: dict[str, Any] = {"__builtins__": dict(own), "__name__": "camp.witness"}
        if beside != text:  # the same for all of a submission's probes, and long
            text, collector = beside, compile(beside, "<grader>", "exec")
        exec(collector, apart)  # noqa: S102 - the grader's own, as the probe
        compiled = compile(code, "<hidden check>", "exec")
        # In the probe's constants, not among its names, which the learner's code can get hold of.
        known = {BEGIN: apart.get("begin"), END: apart.get("end")}
        constants = [known.get(c, c) if type(c) is str else c for c in compiled.co_consts]
        compiled = compiled.replace(co_consts=tuple(constants))
        drawn = [(put, get(), sow) for get, put, sow in in_use()]
        try:
            for _, _, sow in drawn:
                sow(seed)
            running.append(number)
            exec(compiled, inside)  # noqa: S102
        finally:
            running.clear()
            for put, state, _ in drawn:
                put(state)
        if "result" not in inside:
            raise NameError("the hidden check got no result")
        write = encoder({}, plain, escape, None, ": ", ", ", False, False, True)  # noqa: FBT003 - C's own
        result = [inside["result"], apart["collected"]] if beside else inside["result"]
        data = "".join(write(result, 0))
        if len(data) > limit:
            raise ValueError(f"it gave back {len(data)} bytes; at most {limit} are read")
        replaced = "".join(write(restore()[:_MAX_NAMES], 0))
        publish({mime: [number, data, replaced, signature(f"{number} {replaced} {data}")]}, {})

    return hook


def without_frames(install: Callable[..., Any]) -> Callable[..., Any]:
    """The function that installs signal handlers, whose handlers are not told where the signal came.

    Args:
        install: Python's own.
    """
    plainly = _signal.default_int_handler

    def signal(signalnum: int, handler: Any) -> Any:
        if not callable(handler) or handler is plainly:
            return install(signalnum, handler)
        return install(signalnum, lambda number, _: handler(number, None))

    # Learners have it, and with it its names: so they are not ours.
    return FunctionType(
        signal.__code__, {"__builtins__": dict(vars(builtins))}, None, None, signal.__closure__
    )


def hide(*found: Any) -> None:
    """Take functions, and all that only they hold, out of the garbage collector's lists, for good."""
    import ctypes

    untrack, keep = ctypes.pythonapi.PyObject_GC_UnTrack, ctypes.pythonapi.Py_IncRef
    todo, seen = list(found), set[int]()
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if gc.is_tracked(one):
            keep(ctypes.py_object(one))  # never freed: Python would look for it in the lists
            untrack(ctypes.py_object(one))
        todo += [*(getattr(one, "__closure__", None) or ())]
        if type(one) is CellType and type(one.cell_contents) in {FunctionType, SimpleNamespace}:
            todo.append(one.cell_contents)
        if type(one) is SimpleNamespace:
            todo += [vars(one), *vars(one).values()]


def start(shell: Any, mime: str, limit: int) -> None:
    """Begin to answer, and tell the grader the key, once."""
    key = os.urandom(KEY_BYTES)
    own = {"", os.getcwd()}  # noqa: PTH109 - the learner's folder
    folders = {f for f in (sys.prefix, sys.base_prefix, *sys.path) if f not in own}
    libraries = (
        *(os.path.realpath(f) + "/" for f in folders),
        *(f"{f}/" for f in folders),
        "<frozen",
        "<grader>",
    )
    watch = watching(libraries)
    for name, module in list(sys.modules.items()):
        whole = name.partition(".")[0] in _WATCHED_WHOLE
        if whole or name in _WATCHED:
            note(watch, module, whole=whole)
    running: list[int] = []
    refuse = guard(libraries, "/ipykernel_", running)
    publish = shell.display_pub.publish
    answer = answerer(shell.user_ns, publish, lambda: restore(watch), running, key, (mime, limit))
    publish({mime: key.hex()}, {})
    # Whoever finds one of our functions has the names that all of them look up.
    ours = globals()
    hide(refuse, answer, ours, ours["__builtins__"], *(f for f in ours.values() if type(f) is FunctionType))
    _signal.signal = without_frames(_signal.signal)  # which signal.signal calls
    sys.addaudithook(answer)
    sys.addaudithook(refuse)  # last: it lets nobody add another
