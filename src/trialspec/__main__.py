"""`python -m trialspec` is the command `trialspec`."""

from trialspec.cli import main

if __name__ == "__main__":
    main()
