"""`python -m minidesk`, and the `minidesk` command."""

import gc

from minidesk.cli import main

# A start makes half a million objects that all stay; looking through them at every 700th is a tenth of its time.
gc.set_threshold(50_000, 20, 50)

if __name__ == "__main__":
    main()
