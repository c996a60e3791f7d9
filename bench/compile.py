#!/usr/bin/env python3
"""How long compiling takes, and how it grows:  python3 bench/compile.py RJAXC [NAMES] [--quick] [--json FILE]

Three tables, of the compiler alone (nothing is run, no JAX is needed):

* equations: generated programs of n and 2n equations. The columns are the seconds of `check` and of compiling to an
  object, the most memory of the latter in MB, its microseconds per equation, and what doubling costs in both (2.0 is
  linear). The kinds: `chain` multiplies and adds on f32[8], `scalar` does so on f32[], `sincos` chains sines and
  cosines, `wide` has many equations that are independent of each other, `reduce` has nests that cannot be joined,
  `outputs` returns one array per equation, `calls` calls one function again and again, `blocks` calls many different
  ones, `grad` is the gradient of an unrolled loop of n steps (four equations a step), `scans` the gradient of loops
  inside loops whose states gain tangents one after the other: there n is the depth, and 2n is n + 1.
* constants: a program with 100 MB of constants from `.npz`, `.npy`, `.safetensors` and StableHLO's `dense<"0x..">`,
  beside its twin with small ones: what the difference in seconds and in memory is, the latter in sizes of the file.
* models: whole programs from --models DIR (`*.ir`, and `*.mlir` of the same name), as they are.

NAMES select rows by substring. --limits makes the exit status 1 where a row breaks what was promised: 15 us to check
and 40 us to compile an equation, 2.2 for doubling, 0.4 s and 1.3 files in memory for constants.
Times are the least of --rounds (3) runs in seconds of wall clock; memory is the resident set that the kernel reports.
"""
import argparse
import glob
import itertools
import json
import os
import struct
import sys
import tempfile
import time
import zipfile

# Programs of this many equations, or steps, or levels; and a quarter of them with --quick.
SIZES = {"chain": 100_000, "scalar": 100_000, "sincos": 20_000, "wide": 100_000, "reduce": 20_000, "outputs": 12_000,
         "calls": 20_000, "blocks": 4_000, "grad": 1_000, "scans": 4}
EQUATIONS_OF = {"grad": 4}
CONSTANT_BYTES = 100 << 20


# ---- programs ----

def program(inputs, lines, outputs, before="", after=""):
    body = "\n".join(f"  {line}" for line in lines)
    return f"{before}{{ lambda ; {inputs}. let\n{body}\n in ({', '.join(outputs)},) }}\n{after}"


def chain(n, type="f32[8]"):
    step = [f"x{i + 1}:{type} = {'mul' if i % 2 else 'add'} x{i} {'b' if i % 3 else 'a'}" for i in range(n)]
    return program(f"x0:{type} a:{type} b:{type}", step, [f"x{n}"])


def scalar(n):
    return chain(n, "f32[]")


def sincos(n):
    step = [f"x{i + 1}:f32[8] = {'sin' if i % 2 else 'cos'}[accuracy=None] x{i}" for i in range(n)]
    return program("x0:f32[8]", step, [f"x{n}"])


def wide(n):
    """Products with numbers, then a tree of sums over them."""
    leaves = n // 2
    lines = [f"x{i}:f32[16] = mul a {i + 0.5}:f32[]" for i in range(leaves)]
    level, fresh = list(range(leaves)), leaves
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2])
        joined = []
        for left, right in pairs:
            lines.append(f"x{fresh}:f32[16] = add x{left} x{right}")
            joined.append(fresh)
            fresh += 1
        level = joined + level[len(level) - len(level) % 2:]
    return program("a:f32[16]", lines, [f"x{level[0]}"])


def reduce(n):
    lines = []
    for i in range(n // 4):
        lines.append(f"s{i}:f32[] = reduce_sum[axes=(0,) out_sharding=None] x{i}")
        lines.append(f"t{i}:f32[] = tanh[accuracy=None] s{i}")
        lines.append(f"y{i}:f32[32] = mul x{i} t{i}")
        lines.append(f"x{i + 1}:f32[32] = add y{i} x0")
    return program("x0:f32[32]", lines, [f"x{n // 4}"])


def outputs(n):
    lines = [f"x{i}:f32[8] = mul a {i + 0.5}:f32[]" for i in range(n)]
    return program("a:f32[8]", lines, [f"x{i}" for i in range(n)])


def calls(n):
    """Every call has two equations; the text names the function each time, as JAX prints shared ones."""
    shared = "let f = { lambda ; a:f32[8]. let b:f32[8] = sin[accuracy=None] a; c:f32[8] = mul b a in (c,) } in\n"
    lines = [f"x{i + 1}:f32[8] = jit[name=f jaxpr=f] x{i}" for i in range(n // 2)]
    return program("x0:f32[8]", lines, [f"x{n // 2}"], before=shared)


def blocks(n):
    """Layers of a network, each with its own body in line."""
    lines = []
    for i in range(n // 4):
        body = (f"{{ lambda ; a:f32[4,16] w:f32[16,16]. let "
                f"b:f32[4,16] = dot_general[dimension_numbers=(([1], [0]), ([], [])) out_sharding=None precision=None "
                f"preferred_element_type=float32] a w; c:f32[4,16] = tanh[accuracy=None] b; "
                f"d:f32[4,16] = mul c {i + 1.5}:f32[] in (d,) }}")
        lines.append(f"x{i + 1}:f32[4,16] = jit[name=layer jaxpr={body}] x{i} w")
    return program("x0:f32[4,16] w:f32[16,16]", lines, [f"x{n // 4}"])


def grad(n):
    lines = []
    for i in range(n):
        lines.append(f"s{i}:f32[8] = sin[accuracy=None] x{i}")
        lines.append(f"m{i}:f32[8] = mul s{i} w")
        lines.append(f"c{i}:f32[8] = mul x{i} 0.9:f32[]")
        lines.append(f"x{i + 1}:f32[8] = add m{i} c{i}")
    lines.append(f"r:f32[] = reduce_sum[axes=(0,) out_sharding=None] x{n}")
    return program("x0:f32[8] w:f32[8]", lines, ["r"], before="export g = grad(main, argnums=(0, 1))\n")


def scans(depth, states=4):
    """Each level carries `states` numbers; tangents enter the first and reach the next one a growth later."""
    names = [f"c{i}" for i in range(states)]
    binders = " ".join(f"{name}:f32[]" for name in names)

    def level(left):
        if left == 0:
            lines = [f"d0:f32[] = mul c0 w"] + [f"d{i}:f32[] = add c{i} c{i - 1}" for i in range(1, states)]
        else:
            results = " ".join(f"d{i}:f32[]" for i in range(states))
            lines = [f"{results} = scan[_split_transpose=False jaxpr={{ lambda ; w:f32[] {binders}. let "
                     f"{level(left - 1)} }} length=2 linear=({', '.join(['False'] * (states + 1))}) num_carry={states} "
                     f"num_consts=1 reverse=False unroll=1] w {' '.join(names)}"]
        return f"{'; '.join(lines)} in ({', '.join(f'd{i}' for i in range(states))},)"

    body = level(depth)
    at = body.rindex(" in (")
    body = f"{body[:at]}; s:f32[] = mul d0 d{states - 1} in (s,)"
    return f"export g = grad(main)\n{{ lambda ; w:f32[] {binders}. let {body} }}\n"


GENERATORS = {"chain": chain, "scalar": scalar, "sincos": sincos, "wide": wide, "reduce": reduce, "outputs": outputs,
              "calls": calls, "blocks": blocks, "grad": grad, "scans": scans}


# ---- constants ----

def elements(count):
    """Numbers that do not compress, the same each time, in blocks: what this process holds would count as memory of
    those that it starts."""
    state, words = 1, bytearray()
    for _ in range(4096):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        words += struct.pack("<f", state / 2.0**31)
    left = 4 * count
    while left > 0:
        yield bytes(words[:left])
        left -= len(words)


def npy(count):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({count},), }}"
    header = header.ljust(128 - 10 - 1) + "\n"
    yield b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
    yield from elements(count)


def constant_program(container, count, folder):
    """Writes a program with a constant of `count` f32 in a file beside it; returns its path."""
    stem = os.path.join(folder, f"{container}_{count}")
    if container == "dense":
        before = (f"func.func public @main(%arg0: tensor<{count}xf32>) -> tensor<{count}xf32> {{\n"
                  f'  %0 = stablehlo.constant dense<"0x')
        after = (f'"> : tensor<{count}xf32>\n'
                 f"  %1 = stablehlo.add %arg0, %0 : tensor<{count}xf32>\n  return %1 : tensor<{count}xf32>\n}}\n")
        digits = (block.hex().upper().encode() for block in elements(count))
        return write(f"{stem}.mlir", itertools.chain([before.encode()], digits, [after.encode()]))
    path = f"{stem}.{container}"
    key = "" if container == "npy" else ', "w"'
    if container == "npy":
        write(path, npy(count))
    elif container == "npz":
        with zipfile.ZipFile(path, "w") as archive, archive.open("w.npy", "w") as member:
            for block in npy(count):
                member.write(block)
    else:
        header = json.dumps({"w": {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}}).encode()
        write(path, itertools.chain([struct.pack("<Q", len(header)) + header], elements(count)))
    text = (f'const w: f32[{count}] = file("{os.path.basename(path)}"{key})\n'
            f"{{ lambda w:f32[{count}]; a:f32[{count}]. let b:f32[{count}] = add a w in (b,) }}\n")
    return write(f"{stem}.ir", [text.encode()])


def write(path, blocks):
    with open(path, "wb") as file:
        file.writelines(blocks)
    return path


# ---- measurements ----

class Failed(Exception):
    """What the compiler said."""


def once(command):
    """Seconds and MB of one process."""
    with tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        actions = [(os.POSIX_SPAWN_DUP2, errors.fileno(), 2), (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
        child = os.posix_spawn(command[0], command, os.environ, file_actions=actions)
        _, status, usage = os.wait4(child, 0)
        seconds = time.perf_counter() - start
        if status != 0:
            errors.seek(0)
            text = errors.read(400).decode(errors="replace").strip().splitlines()
            raise Failed(f"status {os.waitstatus_to_exitcode(status)}: {text[0] if text else 'no message'}")
    return seconds, usage.ru_maxrss / 1024


def least(command, rounds):
    runs = [once(command) for _ in range(rounds)]
    return min(seconds for seconds, _ in runs), min(mb for _, mb in runs)


def measured(options, path):
    out = os.path.join(os.path.dirname(path), "out.o")
    check = least([options.rjaxc, "check", path], options.rounds)
    compiled = least([options.rjaxc, path, "-o", out], options.rounds)
    return check[0], compiled[0], compiled[1]


def equations_row(name, options, folder):
    small = max(SIZES[name] // (4 if options.quick and name != "scans" else 1), 1) // (1 if name == "scans" else 2)
    sizes = (small, small + 1) if name == "scans" else (small, 2 * small)
    (check, compiled, _), large = [
        measured(options, write(os.path.join(folder, f"{name}_{n}.ir"), [GENERATORS[name](n).encode()])) for n in sizes]
    count = sizes[1] * EQUATIONS_OF.get(name, 1)
    row = dict(name=name, n=sizes[1], check_s=large[0], compile_s=large[1], mb=large[2],
               check_us=1e6 * large[0] / count, compile_us=1e6 * large[1] / count,
               check_ratio=large[0] / check, compile_ratio=large[1] / compiled)
    row["broken"] = [] if name == "scans" else [
        f"{key} > {limit}" for key, limit in
        [("check_us", 15), ("compile_us", 40), ("check_ratio", 2.2), ("compile_ratio", 2.2)] if row[key] > limit]
    print("{name:<10} {n:>8} {check_s:>9.3f} {compile_s:>10.3f} {mb:>8.0f} {check_us:>9.1f} {compile_us:>10.1f} "
          "{check_ratio:>9.2f} {compile_ratio:>10.2f}".format(**row), flush=True)
    return row


def constants_row(container, options, folder):
    count = CONSTANT_BYTES // 4 // (4 if options.quick else 1)
    paths = [constant_program(container, n, folder) for n in (1024, count)]
    (_, small_s, small_mb), (_, large_s, large_mb) = [measured(options, path) for path in paths]
    files = os.path.getsize(paths[1]) if container == "dense" else 4 * count
    row = dict(name=container, mb=files / 2**20, compile_s=large_s, beyond_s=large_s - small_s, peak_mb=large_mb,
               files=(large_mb - small_mb) * 2**20 / files)
    row["broken"] = [f"{key} > {limit}" for key, limit in [("beyond_s", 0.4), ("files", 1.3)] if row[key] > limit]
    print("{name:<12} {mb:>8.0f} {compile_s:>10.3f} {beyond_s:>9.3f} {peak_mb:>8.0f} {files:>9.2f}".format(**row), flush=True)
    return row


def model_row(path, options, folder):
    command = [options.rjaxc, path, "-o", os.path.join(folder, "out.o")]
    consts = os.path.splitext(path)[0] + ".consts.npz"
    command += ["--consts", consts] if os.path.exists(consts) and path.endswith(".ir") else []
    seconds, mb = least(command, options.rounds)
    row = dict(name=os.path.basename(path), kb=os.path.getsize(path) / 1024, compile_s=seconds, mb=mb, broken=[])
    print("{name:<28} {kb:>8.0f} {compile_s:>10.3f} {mb:>8.0f}".format(**row), flush=True)
    return row


def table(title, names, row, options, folder):
    chosen = [name for name in names if not options.names or any(part in name for part in options.names)]
    rows = []
    if chosen:
        print(title)
    for name in chosen:
        try:
            rows.append(row(name, options, folder))
        except Failed as failure:
            rows.append(dict(name=name, broken=[str(failure)]))
            print(f"{os.path.basename(name):<10} {failure}", flush=True)
    print() if chosen else None
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rjaxc")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--quick", action="store_true", help="a quarter of the sizes, one run each")
    parser.add_argument("--rounds", type=int, help="runs of which the fastest counts (3; 1 with --quick)")
    parser.add_argument("--models", help="a folder of programs for the third table")
    parser.add_argument("--limits", action="store_true", help="exit status 1 where a promise is broken")
    parser.add_argument("--json", help="where to write all figures")
    parser.add_argument("--keep", help="a folder in which the programs stay")
    options = parser.parse_args()
    options.rjaxc = os.path.abspath(options.rjaxc)
    options.rounds = options.rounds or (1 if options.quick else 3)
    models = sorted(glob.glob(os.path.join(options.models, "*.ir")) + glob.glob(os.path.join(options.models, "*.mlir"))
                    ) if options.models else []
    with tempfile.TemporaryDirectory() as folder:
        folder = options.keep or folder
        os.makedirs(folder, exist_ok=True)
        rows = {
            "equations": table("equations         n   check s  compile s       MB  us check us compile   2x check "
                               "2x compile", list(GENERATORS), equations_row, options, folder),
            "constants": table("constants          MB  compile s  beyond s  peak MB     files",
                               ["npz", "npy", "safetensors", "dense"], constants_row, options, folder),
            "models": table("models                             KB  compile s       MB", models, model_row, options,
                            folder),
        }
    if options.json:
        with open(options.json, "w") as file:
            json.dump(rows, file, indent=1)
    broken = [(row["name"], reason) for group in rows.values() for row in group for reason in row["broken"]]
    for name, reason in broken:
        print(f"{name}: {reason}")
    sys.exit(bool(broken) and options.limits)


if __name__ == "__main__":
    main()
