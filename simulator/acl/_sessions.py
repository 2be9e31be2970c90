"""ONNX Runtime sessions: what loaded models and operators compute with."""

from __future__ import annotations

from typing import Any

from acl._calls import AclError


def make_session(graph: bytes, name: str, code: int) -> Any:
    """ONNX Runtime for a graph.

    Args:
        graph: ONNX bytes.
        name: for the message.
        code: of the error.

    Raises:
        AclError: it does not take the graph.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - its errors have many classes
        reason = " ".join(str(error).split())[:200]
        raise AclError(code, f"{name} cannot be loaded: {reason}") from None
