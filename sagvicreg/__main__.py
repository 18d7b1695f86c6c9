"`python -m sagvicreg` is the `sagvicreg` command. Kept by hand."
from .cli import main

if __name__ == "__main__":
    raise SystemExit(main())
