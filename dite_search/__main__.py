"""``python -m dite_search`` is ``dite-search``."""

from dite_search.cli import main

if __name__ == "__main__":
    main()
