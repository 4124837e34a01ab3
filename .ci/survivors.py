"""Compares the mutants that no test caught or that ran too long with the list of those that are known, each with its reason."""

import re
import sys


def place(line):
    """The file and the change, without line numbers, which move."""
    return re.sub(r":\d+:\d+:", ":", line.strip())


def main():
    missed = set()
    for name in sys.argv[2:]:
        with open(name) as file:
            missed |= {place(line) for line in file if line.strip()}
    known = {}
    with open(sys.argv[1]) as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                change, _, reason = line.partition(" # ")
                known[place(change)] = reason.strip()
    for change in sorted(missed):
        print(f"survived: {change}\n    {known.get(change, 'NO REASON GIVEN')}")
    strangers = [change for change in missed if not known.get(change)]
    print(f"{len(missed)} survived, {len(strangers)} without a reason")
    return 1 if strangers else 0


sys.exit(main())
