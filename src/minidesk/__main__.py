"""`python -m minidesk`, and the `minidesk` command."""

import gc
import os

from minidesk.cli import main

# Set before NumPy is loaded. Its products here are small: shared out over the cores, whose threads then wait for each
# other spinning, a search took 2.4 times the CPU time on two cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# A start makes half a million objects that all stay; looking through them at every 700th is a tenth of its time.
gc.set_threshold(50_000, 20, 50)

if __name__ == "__main__":
    main()
