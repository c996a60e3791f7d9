"""How fast a text that is mostly weights is read:  python3 bench/read.py [RJAXC] [MEGABYTES]

Writes StableHLO with one constant, as hexadecimal digits and as a list of decimal numbers, and has `rjaxc check` read it.
Prints the stage `read` (from the file to the program) by the clock, megabytes per second of processor time of the whole
command, and the most memory, as a multiple of the file. Wanted: 200 MB/s, less than 3 times. RJAXC is target/release/rjaxc unless it is given.
"""

import os
import pathlib
import random
import re
import struct
import subprocess
import sys
import tempfile

rjaxc = sys.argv[1] if len(sys.argv) > 1 else "target/release/rjaxc"
size = int(sys.argv[2] if len(sys.argv) > 2 else 150) * 10**6
ROW = 1000

source = random.Random(1)
values = [source.gauss(0, 1) for _ in range(ROW)]
hexadecimal = struct.pack(f"<{ROW}f", *values).hex().upper()
decimal = "[" + ", ".join(f"{value:.6e}" for value in values) + "]"


def write(path, before, row, between, after):
    rows = size // (len(row) + len(between))
    ty = f"tensor<{rows}x{ROW}xf32>"
    with open(path, "w") as file:
        file.write(f"module {{\n  func.func public @main() -> {ty} {{\n    %0 = stablehlo.constant dense<{before}")
        for number in range(rows):
            file.write(row if number == 0 else between + row)
        file.write(f"{after}> : {ty}\n    return %0 : {ty}\n  }}\n}}\n")


def measure(name, *parts):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "weights.mlir"
        write(path, *parts)
        bytes_of_file = path.stat().st_size
        best = None
        for _ in range(3):
            process = subprocess.Popen([rjaxc, "check", str(path), "--verbose"], stderr=subprocess.PIPE,
                                       stdout=subprocess.DEVNULL, text=True)
            said = process.stderr.read()
            _, status, usage = os.wait4(process.pid, 0)
            if status:
                sys.exit(said)
            milliseconds = float(re.search(r"read +([0-9.]+) ms", said)[1])
            seconds = usage.ru_utime + usage.ru_stime
            best = min((milliseconds, seconds), best or (milliseconds, seconds))
    milliseconds, seconds = best
    speed = bytes_of_file / seconds / 1e6
    memory = usage.ru_maxrss * 1024 / bytes_of_file
    print(f"{name:12} {bytes_of_file / 1e6:6.1f} MB  {milliseconds:7.1f} ms  {speed:6.0f} MB/s  {memory:.2f} x memory")


measure("hexadecimal", '"0x', hexadecimal, "", '"')
measure("decimal", "[", decimal, ", ", "]")
