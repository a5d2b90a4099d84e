"""``python -m bptt_sym`` is ``bptt-sym``."""

from bptt_sym.cli import main

main()
