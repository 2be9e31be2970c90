"""The migration tools: `pytorch_gpu2npu.sh` converts a CUDA project, `pytorch_analyse.sh` only reports.

They imitate the tools of that name in CANN's `tools/ms_fmk_transplt` (PyTorch GPU2Ascend and PyTorch
Analyse): the same options, output folders and CSV columns. They read and write source text; no device.
"""
