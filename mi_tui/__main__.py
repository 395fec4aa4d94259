"""Lets `python -m mi_tui` do what the console script does."""

from mi_tui.cli.entry import main

if __name__ == "__main__":
    main()
