"""What the package around gives to all who import it, by `import *`."""

import subprocess


def convert(text):
    return subprocess.check_output(["convert", text])  # error: UJ107 subprocess.check_output


def replaced(text):
    return subprocess.check_output(["convert", text])  # clean: who calls one of that name has another one


def _private(text):
    return subprocess.check_output(["convert", text])  # clean: it is not given away
