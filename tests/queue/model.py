#!/usr/bin/python3
"""The steps of tests/model/queue.pml and the functions that do them name each
other."""
import os
import pathlib
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "fake"))
from instance import Tap  # noqa: E402

TOP = pathlib.Path(__file__).resolve().parents[2]


def main():
    tap = Tap()
    model = set(re.findall(r"step: ([a-z]+-?[a-z]*)",
                           (TOP / "tests/model/queue.pml").read_text()))
    code = []
    for f in sorted((TOP / "queue").glob("*.c")):
        for names in re.findall(r"^/\* model: (.*) \*/$\n(?=[a-z].*\n\w+\()",
                                f.read_text(), re.M):
            code += names.split(", ")
    tap.ok(len(model) > 20, "the model has steps", model)
    tap.same(sorted(code), sorted(set(code)), "one function does a step")
    tap.same(sorted(model - set(code)), [],
             "each step of the model is in a function")
    tap.same(sorted(set(code) - model), [],
             "each function that claims a step has it in the model")
    return tap.end()


sys.exit(main())
