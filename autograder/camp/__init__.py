"""The grading pipeline of CANN Camp, behind the command `camp`.

The package grades notebooks, whatever they import: it never imports the simulator or PyTorch.
"""

__version__ = "0.1.0"
