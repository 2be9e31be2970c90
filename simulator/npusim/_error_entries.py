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
    100004: ("A file cannot be written.", "Check the path, the permissions and the free space."),
    100005: ("A file has an impossible size, often 0.", "Convert or copy the file again."),
    100006: ("A file cannot be parsed.", "Check its format, for example that a configuration is valid JSON."),
    100009: ("The dump configuration is not valid.", "Check the dump section of the file given to acl.init."),
    100010: (
        "The profiling configuration is not valid.",
        "Check the profiler section of the file given to acl.init.",
    ),
    100011: (
        "No loaded model has this model id.",
        "Use the id that acl.mdl.load_from_file returned, before unload.",
    ),
    100012: (
        "A model file cannot be read back.",
        "It is damaged or of another release: convert it again with atc.",
    ),
    100013: (
        "The model file cannot be read as an offline model.",
        "Convert it again with atc for this chip.",
    ),
    100014: ("A model's data cannot be read.", "Check the path and convert the model again with atc."),
    100015: ("A model has an impossible size.", "The file is cut short: copy or convert it again."),
    100016: ("A model lacks an attribute.", "Convert it again with the atc of the installed release."),
    100017: ("Inputs do not match the model's.", "Compare number and sizes with acl.mdl.get_desc."),
    100018: ("Outputs do not match the model's.", "Compare number and sizes with acl.mdl.get_desc."),
    100019: (
        "The model has no dynamic shapes.",
        "Convert it with --dynamic_batch_size or its like, or set none.",
    ),
    100024: (
        "No such operator is loaded.",
        "Check acl.op.set_model_dir and the operator's shapes and types.",
    ),
    100026: ("A data type is not supported here.", "Use one that the call's reference lists."),
    100027: ("A format does not match.", "Give the data in the format that the model or operator expects."),
    100037: ("AscendCL was finalised twice.", "Call acl.finalize() only once, at the end."),
    107000: ("A runtime call got an invalid argument.", "Check pointers, sizes and configuration."),
    107001: ("No such device.", "Use 0 to device_count - 1; check ASCEND_RT_VISIBLE_DEVICES."),
    107002: (
        "This thread has no context.",
        "Call acl.rt.set_device, or acl.rt.set_context with a created context, in this thread.",
    ),
    107003: ("The stream belongs to another context.", "Create the stream in the current context."),
    107004: ("The model belongs to another context.", "Make the context current in which it was loaded."),
    107005: ("The stream belongs to another model.", "Use the stream that was bound to the model."),
    107006: ("The event has no time yet.", "Record it and synchronise before asking for times."),
    107007: ("The second event was recorded before the first.", "Swap the events, or record them in order."),
    107008: ("An address is not aligned.", "Use addresses that acl.rt.malloc returned."),
    107009: ("A file cannot be opened.", "Check the path and the permissions."),
    107011: ("The stream has a subscriber already.", "Unsubscribe first, or use another stream."),
    107015: (
        "No callback thread serves the stream.",
        "Call acl.rt.subscribe_report before launching callbacks.",
    ),
    107016: (
        "The address is of the wrong kind of memory.",
        "Tell host and device memory apart in the copy's kind.",
    ),
    107017: ("A handle is not valid.", "It was destroyed, or never created."),
    107018: ("The kind of allocation is not known.", "Use one of the ACL_MEM_MALLOC policies."),
    107019: ("Waiting took longer than the time-out.", "Raise the time-out or look for a task that hangs."),
    107020: ("A task took longer than the time-out.", "Raise the time-out or look for a task that hangs."),
    107022: ("A task was aborted on the device.", "Look in the plog for what aborted it."),
    145000: (
        "An argument does not fit the model, often a buffer of the wrong size.",
        "Compare with the model's sizes.",
    ),
    145001: ("The model executor is not ready.", "Call acl.init and set a device before loading models."),
    145002: ("The path of a model is not valid.", "Check that the .om file exists and can be read."),
    145003: ("No loaded model has this id.", "Use the id of a model that is still loaded."),
    145006: ("The model's data has the wrong size.", "The file is cut short: copy or convert it again."),
    145007: (
        "The address of the model's data is not valid.",
        "Check the pointer and that its memory is not freed.",
    ),
    145013: ("The model has no gear for this batch size.", "Use one of those given to --dynamic_batch_size."),
    145015: ("The model has no AIPP.", "Convert it with --insert_op_conf, or do not ask for AIPP."),
    145021: ("A shape does not fit the model.", "Use a shape the model was built for."),
    145022: ("A data type does not fit the model.", "Use the model's type; see acl.mdl.get_input_data_type."),
    200000: ("The host has no memory left for this.", "Free host memory."),
    200001: ("The call is not supported here.", "Check the reference for the chip and the run mode."),
    200002: ("The device is not usable.", "Check its state with npu-smi info."),
    200003: ("An address is not aligned.", "Use addresses that the allocation calls returned."),
    200006: ("The feature is not supported on this chip.", "Check the reference for the chips that have it."),
    207000: (
        "The runtime does not support this feature here.",
        "Check the reference for the chips that have it.",
    ),
    207001: (
        "The device has no memory left for this.",
        "Free memory, use a smaller batch, or end leftover processes.",
    ),
    207002: ("Memory could not be freed.", "Free each pointer once, in the context of its device."),
    207004: ("No device was found.", "Check npu-smi info, the driver and ASCEND_RT_VISIBLE_DEVICES."),
    207008: ("The device has no streams left.", "Destroy streams that are no longer needed."),
    207018: ("The device is out of memory.", "Free memory, use a smaller batch, or end leftover processes."),
    300000: ("The storage limit is reached.", "Free space or write less."),
    500000: ("An internal error of AscendCL.", "Look in the plog for the first ERROR line."),
    500001: (
        "A call failed inside the stack.",
        "Look in the plog; often Python packages of the compiler are missing.",
    ),
    500002: ("The graph engine failed.", "Look in the plog for the first ERROR line of GE."),
    500003: ("The runtime failed.", "Look in the plog for the first ERROR line of RUNTIME."),
    500004: ("The driver failed.", "Check npu-smi info and the driver's logs."),
    507000: ("An internal error of the runtime.", "Look in the plog for the first ERROR line of RUNTIME."),
    507006: ("The event has not happened yet.", "Synchronise, or ask again later."),
    507008: (
        "The chip's name is not known or does not fit.",
        "Check --soc_version and the installed packages.",
    ),
    507010: ("The device does not answer.", "Check npu-smi info; restart the device if it stays away."),
    507011: ("A model failed while it ran.", "Look in the plog for the operator that failed."),
    507014: ("A kernel on the AI Core took too long.", "Look for an endless loop or far too large a tile."),
    507015: (
        "A kernel on the AI Core failed, most often at a bad address.",
        "It is reported late: set ASCEND_LAUNCH_BLOCKING=1 and look at the plog's kernel name.",
    ),
    507018: ("An operator on the AI CPU failed.", "Look in the plog; check its inputs."),
    507033: (
        "A device could not be opened.",
        "End leftover processes; check npu-smi info and the permissions.",
    ),
    507034: ("A kernel on a vector core took too long.", "Look for an endless loop or far too large a tile."),
    507035: (
        "A kernel on a vector core failed, most often at a bad address.",
        "Set ASCEND_LAUNCH_BLOCKING=1.",
    ),
    507046: ("Synchronising a stream took longer than the time-out.", "Look for a task that hangs."),
    507047: ("Waiting for an event took longer than the time-out.", "Look for a task that hangs."),
    507048: (
        "A group of kernels took too long.",
        "Look for an endless loop; set ASCEND_LAUNCH_BLOCKING=1 to find it.",
    ),
    507053: ("The device's memory reported a fault.", "Check npu-smi info; the device may need service."),
    507899: (
        "The driver had an internal error.",
        "Check npu-smi info and the driver's logs; often leftover processes.",
    ),
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
