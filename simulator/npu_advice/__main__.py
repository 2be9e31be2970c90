"""`python -m npu_advice`, which is the command `npu-advice`."""

from npu_advice.cli import main

main(prog_name="npu-advice")
