"""What share of the public names has a type that type checkers agree on; `make check` runs it."""

import json
import subprocess
import sys

LEAST = 0.90


def main() -> int:
    command = ["basedpyright", "--verifytypes", "callbax", "--ignoreexternal", "--outputjson"]
    printed = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    report = json.loads(printed)["typeCompleteness"]
    share = report["completenessScore"]
    print(f"{share:.1%} of the exported names have a known type; at least {LEAST:.0%} must")
    if share >= LEAST:
        return 0
    for symbol in report["symbols"]:
        if symbol["isExported"] and not symbol["isTypeKnown"]:
            first = [entry["message"].splitlines()[0] for entry in symbol["diagnostics"][:1]]
            print(symbol["name"], *first)
    return 1


if __name__ == "__main__":
    sys.exit(main())
