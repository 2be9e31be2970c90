"""The entries of the error table: names from the vendor's headers, meanings and remedies in our own words."""

from __future__ import annotations

from npusim._acl_codes import ACL_CODES
from npusim._cann_codes import CANN_CODES
from npusim.error_table import ErrorEntry

_SUCCESS = "ACL_SUCCESS"

# Hundred-thousands digit: who has to act. Source: the AscendCL reference's description of return codes.
_BY_CLASS = {
    1: "A caller's mistake: check the arguments and the order of the calls.",
    2: "A resource is short or not supported on this chip: free some, use less, or check the chip.",
    3: "The request is beyond a limit: use less.",
    5: "A failure inside the stack or on the device: read the plog (~/ascend/log) for its first ERROR line.",
}

# code: (meaning, what to do)
_WORDS: dict[int, tuple[str, str]] = {
    0: ("Success.", "Nothing."),
    100000: (
        "An argument has a value that the call does not accept.",
        "Check the arguments against the reference.",
    ),
    100001: ("AscendCL is not initialised.", "Call acl.init() first, once per process."),
    100002: ("AscendCL was initialised twice.", "Call acl.init() only once per process."),
    100003: (
        "A file cannot be opened or is not of the expected kind.",
        "Check the path and the permissions.",
    ),
    100011: (
        "No loaded model has this model id.",
        "Use the id that acl.mdl.load_from_file returned, before unload.",
    ),
    100013: (
        "The model file cannot be read as an offline model.",
        "Convert it again with atc for this chip.",
    ),
    100017: ("Inputs do not match the model's.", "Compare number and sizes with acl.mdl.get_desc."),
    100018: ("Outputs do not match the model's.", "Compare number and sizes with acl.mdl.get_desc."),
    100024: (
        "No such operator is loaded.",
        "Check acl.op.set_model_dir and the operator's shapes and types.",
    ),
    107000: ("A runtime call got an invalid argument.", "Check pointers, sizes and configuration."),
    107001: ("No such device.", "Use 0 to device_count - 1; check ASCEND_RT_VISIBLE_DEVICES."),
    107002: (
        "This thread has no context.",
        "Call acl.rt.set_device, or acl.rt.set_context with a created context, in this thread.",
    ),
    107003: ("The stream belongs to another context.", "Create the stream in the current context."),
    107006: ("The event has no time yet.", "Record it and synchronise before asking for times."),
    107008: ("An address is not aligned.", "Use addresses that acl.rt.malloc returned."),
    107017: ("A handle is not valid.", "It was destroyed, or never created."),
    107019: ("Waiting took longer than the time-out.", "Raise the time-out or look for a task that hangs."),
    107020: ("A task took longer than the time-out.", "Raise the time-out or look for a task that hangs."),
    145000: (
        "An argument does not fit the model, often a buffer of the wrong size.",
        "Compare with the model's sizes.",
    ),
    145003: ("No loaded model has this id.", "Use the id of a model that is still loaded."),
    207001: (
        "The device has no memory left for this.",
        "Free memory, use a smaller batch, or end leftover processes.",
    ),
    207018: ("The device is out of memory.", "Free memory, use a smaller batch, or end leftover processes."),
    500001: (
        "A call failed inside the stack.",
        "Look in the plog; often Python packages of the compiler are missing.",
    ),
    500002: ("The graph engine failed.", "Look in the plog for the first ERROR line of GE."),
    507008: (
        "The chip's name is not known or does not fit.",
        "Check --soc_version and the installed packages.",
    ),
    507011: ("A model failed while it ran.", "Look in the plog for the operator that failed."),
    507014: ("A kernel on the AI Core took too long.", "Look for an endless loop or far too large a tile."),
    507015: (
        "A kernel on the AI Core failed, most often at a bad address.",
        "It is reported late: set ASCEND_LAUNCH_BLOCKING=1 and look at the plog's kernel name.",
    ),
    507018: ("An operator on the AI CPU failed.", "Look in the plog; check its inputs."),
    507035: (
        "A kernel on a vector core failed, most often at a bad address.",
        "Set ASCEND_LAUNCH_BLOCKING=1.",
    ),
    507046: ("Synchronising a stream took longer than the time-out.", "Look for a task that hangs."),
}


def entries() -> list[ErrorEntry]:
    """All entries: AscendCL's by number (code 0 under its plain name), then CANN's."""
    found = []
    for code, name in ACL_CODES:
        if code == 0 and name != _SUCCESS:
            continue
        meaning, remedy = _WORDS.get(code) or (_plain(name), _BY_CLASS[code // 100_000])
        found.append(ErrorEntry(code, name, meaning, remedy))
    for text, title, arguments in CANN_CODES:
        fills = f" Reported with: {', '.join(arguments)}." if arguments else ""
        found.append(ErrorEntry(text, text, f"{title.rstrip('.')}.{fills}", _where(text), arguments))
    return found


def _plain(name: str) -> str:
    """A name in plain words: ACL_ERROR_RT_STREAM_TASK_FULL -> "Stream task full."."""
    words = name.removeprefix("ACL_ERROR_").removeprefix("RT_").removeprefix("GE_")
    return words.replace("_", " ").capitalize() + "."


_COMPONENTS = {
    "E1": "An argument or input model of ATC: correct what the message names and convert again.",
    "E2": "Compiling an operator: check shapes and types, or replace the operator.",
    "E3": "The AI CPU: check the operator's inputs.",
    "E4": "The operator compiler (TEFusion): check the installed Python packages and the operator.",
    "E5": "Operators of the AI Core (TBE): check shapes, types and formats.",
    "E6": "Operators of the AI Core (TBE): check shapes, types and formats.",
    "E7": "Operators of the AI Core (TBE): check shapes, types and formats.",
    "E8": "Operators of the AI Core (TBE): check shapes, types and formats.",
    "E9": "Operators of the AI Core (TBE): check shapes, types and formats.",
    "EE": "The runtime: check the arguments of the AscendCL call.",
    "EH": "AscendCL: check the arguments of the call.",
    "EI": "HCCL: check that all ranks take part with the same arguments, and the network.",
    "EJ": "HCCP: end leftover processes and wait ten seconds.",
    "EK": "Profiling: check its options and the output path.",
    "EL": "The driver: check the device's state with npu-smi.",
    "EF": "The function debugging tools: check their configuration.",
    "EZ": "Operators: check shapes, types, formats and that the operator package of the chip is installed.",
    "WF": "A warning: check what it names.",
}


def _where(code: str) -> str:
    return _COMPONENTS.get(code[:2], "Read the plog (~/ascend/log) for its first ERROR line.")
