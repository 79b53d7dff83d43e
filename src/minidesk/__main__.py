"""`python -m minidesk`, and the `minidesk` command."""

from minidesk.cli import main

if __name__ == "__main__":
    main()
