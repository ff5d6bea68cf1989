import os
import sys

PROGRAM = "dlf-identify"
try:
    os.execvp(PROGRAM, [PROGRAM, *sys.argv[1:]])
except OSError as error:
    sys.exit(f"data_label_factory.identify: {PROGRAM} cannot be run: {error.strerror}")
