"""`python -m loss_compare`."""

from loss_compare.cli import main

main()
