"""`atc`, the converter: an ONNX model in, an offline model (`.om`) for one chip out.

Imitates the Ascend Tensor Compiler of CANN: its options, console lines, error codes, and the dynamic gears.
The graph is fused and costed by npusim; what runs later is the ONNX graph itself, by ONNX Runtime.
"""
