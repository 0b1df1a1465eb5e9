#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a program and compares what it prints with what it should print.

    check_output.py --expected FILE PROGRAM [ARGUMENT...]

The program must exit with 0. If FILE exists, standard output must equal it line by line; a line of FILE that holds `...`
matches any text there, and a line that is only `...` matches any number of lines.
"""
import argparse
import difflib
import pathlib
import re
import subprocess
import sys


def matches(expected: list[str], actual: list[str]) -> bool:
    pattern = ""
    for line in expected:
        if line == "...":
            pattern += r"(?:[^\n]*\n)*?"
        else:
            pattern += ".*?".join(re.escape(part) for part in line.split("...")) + r"\n"
    return re.fullmatch(pattern, "".join(line + "\n" for line in actual)) is not None


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--expected", type=pathlib.Path, required=True)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()

    # Standard error is shown as it comes; standard input is closed, so that no program waits for a person.
    run = subprocess.run(options.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace")
    sys.stdout.write(run.stdout)
    if run.returncode != 0:
        print(f"check_output: {options.command[0]} exited with {run.returncode}", file=sys.stderr)
        return 1
    if not options.expected.exists():
        return 0

    expected = options.expected.read_text().splitlines()
    actual = run.stdout.splitlines()
    if matches(expected, actual):
        return 0
    print(f"check_output: not what {options.expected} says:", file=sys.stderr)
    for line in difflib.unified_diff(expected, actual, "expected", "printed", lineterm=""):
        print(line, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
