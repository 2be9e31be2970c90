"""Tests of the simulator leave no logs and no state files behind; those about them ask for them."""

import os

os.environ.setdefault("ASCEND_GLOBAL_LOG_LEVEL", "4")
os.environ.setdefault("NPUSIM_SHARE_STATE", "0")
