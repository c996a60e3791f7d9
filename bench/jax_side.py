"""JAX's half of run.py, one process per workload:  jax_side.py WORKLOADS_DIR NAME OUT_DIR

Writes model.ir, in0.bin, ... to OUT_DIR and says so; then answers one line of JSON per line on stdin:
  compile       compiles with XLA and computes the expected results
  check         compares out0.got, ... with them
  time SECONDS  measures
"""
import json
import os
import statistics
import sys
import time

workloads_dir, name, out_dir = sys.argv[1:]
sys.path.insert(0, workloads_dir)
import jax
import numpy as np
import workloads

workload = workloads.get(name)
arguments = workload.make()


def answer(**fields):
    print(json.dumps(fields), flush=True)


def path(file):
    return os.path.join(out_dir, file)


def dump():
    closed = jax.make_jaxpr(workload.fn)(*arguments)
    consts = ""
    if closed.consts:
        variables = [v.split(":", 1) for v in ("\n" + str(closed)).split("\n{ lambda")[-1].split(";")[0].split()]
        consts = "".join(f'const {v}: {aval} = file("consts.npz", "{v}")\n' for v, aval in variables)
        np.savez(path("consts.npz"), **{v: np.asarray(c) for (v, _), c in zip(variables, closed.consts)})
    open(path("model.ir"), "w").write(f"{consts}{closed}\n")
    for i, array in enumerate(arguments):
        np.ascontiguousarray(array).tofile(path(f"in{i}.bin"))
    try:
        bound, limit = workloads.bound_s(workload, workloads.limits(), 1)
    except (OSError, KeyError):
        bound, limit = None, ""
    answer(inputs=len(arguments), outputs=[v.size * v.dtype.itemsize for v in closed.out_avals],
           bound_us=bound and bound * 1e6, limit=limit, tolerance=workload.tol)


def error_of(found, expected):
    """The largest difference, relative to the largest expected magnitude."""
    if expected.dtype.kind not in "fc":
        return 0.0 if np.array_equal(found, expected) else float("inf")
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    if np.all(same):
        return 0.0
    scale = np.max(np.abs(expected), where=np.isfinite(expected), initial=1e-30)
    worst = np.max(np.abs(found - expected)[~same]) / scale
    return float(worst) if np.isfinite(worst) else float("inf")


def timed(call, seconds):
    for _ in range(2):
        call()
    samples, end = [], time.perf_counter() + seconds
    while len(samples) < 3 or (time.perf_counter() < end and len(samples) < 100000):
        before = time.perf_counter()
        call()
        samples.append(time.perf_counter() - before)
    return statistics.median(samples) * 1e6, min(samples) * 1e6


dump()
for line in sys.stdin:
    command = line.split()
    if command[0] == "compile":
        on_device = jax.block_until_ready([jax.device_put(a) for a in arguments])
        function = jax.jit(workload.fn)
        before = time.perf_counter()
        function = function.lower(*on_device).compile()
        compile_ms = (time.perf_counter() - before) * 1e3
        expected = [np.asarray(a) for a in jax.tree.leaves(function(*on_device))]
        answer(compile_ms=compile_ms)
    elif command[0] == "check":
        found = [np.fromfile(path(f"out{i}.got"), e.dtype).reshape(e.shape) for i, e in enumerate(expected)]
        answer(error=max(error_of(f, e) for f, e in zip(found, expected)))
    elif command[0] == "time":
        median, least = timed(lambda: jax.block_until_ready(function(*on_device)), float(command[1]))
        answer(median_us=median, min_us=least)
