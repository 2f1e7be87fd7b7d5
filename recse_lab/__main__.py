"""`python -m recse_lab` is `recse-lab`."""

from recse_lab.cli import main

main()
