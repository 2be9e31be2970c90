"""Tests of the simulator leave no log files in the home folder; those about logs ask for them."""

import os

os.environ.setdefault("ASCEND_GLOBAL_LOG_LEVEL", "4")
