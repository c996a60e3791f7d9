"""Runs StableHLO text through jaxlib: parses, verifies, compiles and executes every module of a folder.

For NAME.mlir with the arguments NAME.in.npz (in0, in1, ..) it writes NAME.out.npz (out0, ..), or NAME.error. The entry
points are private to jax; those of 0.10.2 and 0.12.0.1 are the same.
"""

import pathlib
import sys

import jax
import ml_dtypes
import numpy as np
from jax._src import xla_bridge
from jax._src.interpreters import mlir
from jax._src.lib import _jax
from jaxlib import lapack
from jaxlib.mlir import ir

DTYPES = {
    "i1": np.bool_, "i4": ml_dtypes.int4, "ui4": ml_dtypes.uint4, "i2": ml_dtypes.int2, "ui2": ml_dtypes.uint2,
    "bf16": ml_dtypes.bfloat16, "f8E4M3FN": ml_dtypes.float8_e4m3fn, "f8E5M2": ml_dtypes.float8_e5m2,
}


def typed(array, text):
    """The array as the type of its argument says: NumPy's files do not know all dtypes."""
    element = text.removeprefix("tensor<").removesuffix(">").split("x")[-1]
    dtype = DTYPES.get(element)
    if dtype is None or array.dtype == dtype:
        return array
    return array.view(dtype) if array.dtype.itemsize == np.dtype(dtype).itemsize else array.astype(dtype)


def execute(path, backend, device):
    module = ir.Module.parse(path.read_text())
    module.operation.verify()
    main = next(op for op in module.body.operations if op.attributes["sym_visibility"].value == "public")
    types = [str(type) for type in ir.FunctionType(main.attributes["function_type"].value).inputs]
    # JAX calls the function of a module `main`.
    main.attributes["sym_name"] = ir.StringAttr.get("main")
    archive = np.load(path.with_suffix(".in.npz"))
    arguments = [typed(archive[f"in{i}"], types[i]) for i in range(len(archive.files))]
    executable = backend.compile_and_load(module, _jax.DeviceList((device,)), _jax.CompileOptions())
    buffers = [jax.device_put(argument, device) for argument in arguments]
    results = executable.execute_sharded(buffers).disassemble_into_single_device_arrays()
    return [np.asarray(result[0]) for result in results]


def main(folder):
    # Loads the routines that custom calls name.
    lapack.prepare_lapack_call("getrf_ffi", np.float32)
    backend = xla_bridge.get_backend("cpu")
    device = backend.local_devices()[0]
    with mlir.make_ir_context(), ir.Location.unknown():
        for path in sorted(pathlib.Path(folder).glob("*.mlir")):
            try:
                results = execute(path, backend, device)
                np.savez(path.with_suffix(".out.npz"), **{f"out{i}": x for i, x in enumerate(results)})
            except Exception as error:  # Whatever it is, the test shows it beside the text.
                path.with_suffix(".error").write_text(str(error))


if __name__ == "__main__":
    main(sys.argv[1])
