"""Makes MLIR bytecode with the text that it must be read as.

    python make.py            the files beside this script, small ones of many kinds
    python make.py FOLDER     many more, at several versions of StableHLO: for `RJAXC_BYTECODE=FOLDER cargo test`

NAME_VERSION.mlirbc is the portable artifact of a function for that version of StableHLO, and NAME_VERSION.mlir what
jaxlib's own reader makes of it. NAME.jax is a whole file of `jax.export.export(..)(..).serialize()`.

The files in the repository were made with jax 0.10.2 (StableHLO 1.17), the ones whose names begin with old_ with jax
0.4.38 (StableHLO 1.8), unread.jax with jax 0.12.0 (StableHLO 1.18). Needs jax, and flatbuffers for the .jax files.
"""

import pathlib
import re
import sys

import jax
import jax.numpy as jnp
import numpy as np
from jax import export, lax
from jax._src.interpreters import mlir as jax_mlir
from jax._src.lib.mlir.dialects import hlo as stablehlo

jax.config.update("jax_enable_x64", True)


IS_NEW = jax.__version_info__ >= (0, 7)
PREFIX = "" if IS_NEW else "old_"
# Too large for the repository.
LARGE = ("random", "linalg", "dtypes")
# Which cases the repository has of older versions too.
OLD = ("contractions", "loops", "scatters", "windows")
ANY_CUSTOM_CALL = [export.DisabledSafetyCheck.custom_call(name) for name in ("ApproxTopK",)]


def shape(*extents, dtype="float32"):
    return jax.ShapeDtypeStruct(extents, dtype)


def conv(x, w):
    return lax.conv_general_dilated(
        x, w, (2, 1), ((1, 0), (0, 1)), lhs_dilation=(1, 2), rhs_dilation=(2, 1),
        dimension_numbers=("NCHW", "OIHW", "NCHW"), feature_group_count=2, precision="highest")


def loops(x):
    def body(carry):
        i, x = carry
        return i + 1, lax.cond(i % 2 == 0, jnp.sin, lambda x: x * 2.0, x)
    count, y = lax.while_loop(lambda carry: carry[0] < 3, body, (jnp.int32(0), x))
    return lax.switch(count, [lambda y: y, lambda y: y - 1.0, jnp.cos], y)


def scatters(x, i, u):
    numbers = lax.ScatterDimensionNumbers((1,), (0,), (0,))
    return (lax.scatter_add(x, i, u, numbers, unique_indices=True), lax.scatter_max(x, i, u, numbers),
            x.at[1].set(3.0), lax.dynamic_update_slice(x, u[:1], (i[0, 0], jnp.int32(0))))


def windows(x):
    pooled = lax.reduce_window(x, np.float32(-np.inf), lax.max, (2, 2), (2, 1), "SAME")
    total = lax.reduce_window(x, np.float32(0), lax.add, (2, 2), (1, 1), ((1, 0), (0, 1)), (2, 1), (1, 2))
    return pooled, total, jax.grad(lambda x: lax.reduce_window(x, np.float32(-np.inf), lax.max, (2, 2), (2, 2), "VALID").sum())(x)


def constants():
    return (np.arange(6, dtype="int32").reshape(2, 3) - 3, np.array([True, False, True]), np.ones(9, bool),
            np.array([1 + 2j, -0.5j], "complex64"), np.array([np.nan, -np.inf, 0.1]), np.array(7, "uint8"),
            np.zeros((0, 3)), jnp.array([1.5, -2.0], "bfloat16"), np.array([1, 3, 250], "uint8"))


def elementwise(x, i):
    return (jnp.exp(x), jnp.tan(x), lax.cbrt(x), lax.logistic(x), lax.rsqrt(x), lax.erf(x), lax.round(x),
            jnp.clip(x, 0.0, 1.0), x < 0.5, jnp.isfinite(x), lax.reduce_precision(x, 5, 10),
            lax.population_count(i), lax.clz(i), i << 2, lax.shift_right_arithmetic(i, i), ~i, x.astype("float16"),
            lax.bitcast_convert_type(x, "int32"), lax.complex(x, x), lax.atan2(x, x), x**2.5, lax.nextafter(x, x))


def shapes(x):
    return (lax.pad(x, jnp.float32(0), ((1, 2, 1), (-1, 0, 0))), lax.rev(x, (1,)), x[1:, ::2], jnp.concatenate([x, x], 1), x.T,
            x.reshape(-1), jnp.broadcast_to(x[:, None], (3, 5, 4)), lax.iota("int8", 4), lax.dynamic_slice(x, (1, 2), (2, 2)))


def reductions(x):
    return (x.sum(0), x.max(), jnp.argmin(x, 1), jnp.any(x > 0), jnp.prod(x, 1), lax.sort((x, -x), num_keys=2),
            lax.top_k(x, 2), lax.cumsum(x, 1), lax.reduce(x, jnp.float32(1), lambda a, b: a * b + jnp.float32(1), (0,)))


def contractions(x):
    batched = lax.dot_general(x, x, (((2,), (2,)), ((0,), (0,))), precision=("high", "default"))
    flat = lax.dot_general(x, x, (((0, 1, 2), (0, 1, 2)), ((), ())), preferred_element_type=jnp.float64)
    return batched, flat, jnp.einsum("abc,abd->cd", x, x)


def linalg(x):
    return (jnp.linalg.cholesky(x), lax.linalg.triangular_solve(x, x, lower=True, transpose_a=True), jnp.linalg.qr(x),
            jnp.fft.rfft(x), jnp.fft.ifft2(x), jnp.linalg.eigh(x))


def random(key):
    return jax.random.normal(key, (3,)), jax.random.bits(key, (5,)), lax.rng_bit_generator(jnp.zeros(4, "uint32"), (3,))[1]


def calls(x):
    inner = jax.jit(lambda x: x * jnp.sin(x))
    rule = jax.custom_jvp(lambda x: x * 3.0)
    return inner(x) + inner(x + 1.0), jax.checkpoint(inner)(x), lax.optimization_barrier((x, x)), jax.named_call(inner)(x)


CASES = {
    "elementwise": (elementwise, shape(3), shape(3, dtype="int32")),
    "constants": (constants,),
    "shapes": (shapes, shape(3, 4)),
    "reductions": (reductions, shape(3, 4)),
    "contractions": (contractions, shape(2, 3, 4)),
    "conv": (conv, shape(1, 4, 6, 5), shape(2, 2, 3, 3)),
    "gather": (lambda x, i: (x[i], x[i, i], jnp.take_along_axis(x, i[:, None], 1), jax.vmap(lambda r, k: r[k])(x, i)),
               shape(3, 4), shape(3, dtype="int32")),
    "scatters": (scatters, shape(5, 2), shape(3, 1, dtype="int32"), shape(3, 2)),
    "windows": (windows, shape(4, 6)),
    "loops": (loops, shape(3)),
    "scan": (lambda x: lax.scan(lambda c, r: (c + r, c * r), jnp.zeros(4, "float32"), x), shape(3, 4)),
    "linalg": (linalg, shape(3, 3)),
    "random": (random, shape(2, dtype="uint32")),
    "calls": (calls, shape(3)),
    "grad": (jax.grad(lambda x: jnp.tanh(x @ x.T).sum()), shape(3, 3)),
    "dtypes": (lambda x: [(x.astype(t) + 1).astype("float32") for t in
                          ("float8_e4m3fn", "float8_e5m2", "bfloat16", "float16", "float64", "int8", "uint16", "int64")],
               shape(4)),
}

# What jax does not write.
TEXTS = {
    "tuples": """module @tuples {
  func.func public @main(%x: tensor<2xf32>, %y: tensor<i32>) -> (tensor<2xf32>, tensor<i32>) {
    %t = stablehlo.tuple %x, %y : tuple<tensor<2xf32>, tensor<i32>>
    %a = stablehlo.get_tuple_element %t[0] : (tuple<tensor<2xf32>, tensor<i32>>) -> tensor<2xf32>
    %b = stablehlo.get_tuple_element %t[1] : (tuple<tensor<2xf32>, tensor<i32>>) -> tensor<i32>
    return %a, %b : tensor<2xf32>, tensor<i32>
  }
}""",
    "custom": """module @custom {
  func.func public @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
    %a = stablehlo.custom_call @target(%x) {api_version = 2 : i32, backend_config = "some\\00bytes", has_side_effect = true,
      operand_layouts = [dense<[0, 1]> : tensor<2xindex>], result_layouts = [dense<[1, 0]> : tensor<2xindex>],
      output_operand_aliases = [#stablehlo.output_operand_alias<output_tuple_indices = [], operand_index = 0, operand_tuple_indices = []>]
      } : (tensor<2x3xf32>) -> tensor<2x3xf32>
    return %a : tensor<2x3xf32>
  }
}""",
    "norms": """module @norms {
  func.func public @main(%x: tensor<2x3xf32>, %s: tensor<3xf32>) -> tensor<2x3xf32> {
    %a:3 = "stablehlo.batch_norm_training"(%x, %s, %s) <{epsilon = 0.001 : f32, feature_index = 1 : i64}>
      : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>)
    %b = "stablehlo.batch_norm_inference"(%a#0, %s, %s, %a#1, %a#2) <{epsilon = 0.001 : f32, feature_index = 1 : i64}>
      : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
    return %b : tensor<2x3xf32>
  }
}""",
    "collectives": """module @collectives {
  func.func public @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    %a = "stablehlo.all_reduce"(%x) <{replica_groups = dense<[[0, 1]]> : tensor<1x2xi64>, use_global_device_ids,
      channel_handle = #stablehlo.channel_handle<handle = 1, type = 0>}> ({
      ^bb0(%p: tensor<f32>, %q: tensor<f32>):
        %s = stablehlo.add %p, %q : tensor<f32>
        stablehlo.return %s : tensor<f32>
      }) : (tensor<4xf32>) -> tensor<4xf32>
    %b = "stablehlo.collective_permute"(%a) <{source_target_pairs = dense<[[0, 1], [1, 0]]> : tensor<2x2xi64>}>
      : (tensor<4xf32>) -> tensor<4xf32>
    return %b : tensor<4xf32>
  }
}""",
}
NEW_TEXTS = {
    "accuracy": """module @accuracy {
  func.func public @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    %a = "stablehlo.exponential"(%x) <{result_accuracy = #stablehlo.result_accuracy<atol = 0.000000e+00, rtol = 1.000000e-05,
      ulps = 3, mode = #stablehlo.result_accuracy_mode<TOLERANCE>>}> : (tensor<4xf32>) -> tensor<4xf32>
    %b = stablehlo.sine %a : tensor<4xf32>
    return %b : tensor<4xf32>
  }
}""",
    "algorithm": """module @algorithm {
  func.func public @main(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
    %a = stablehlo.dot_general %x, %x, contracting_dims = [1] x [0], algorithm = <lhs_precision_type = tf32,
      rhs_precision_type = tf32, accumulation_type = f32, lhs_component_count = 1, rhs_component_count = 1,
      num_primitive_operations = 1, allow_imprecise_accumulation = false>
      : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    return %a : tensor<4x4xf32>
  }
}""",
}


def write(folder, name, artifact):
    (folder / f"{name}.mlirbc").write_bytes(artifact)
    with jax_mlir.make_ir_context() as context:
        module = stablehlo.deserialize_portable_artifact(context, artifact)
        (folder / f"{name}.mlir").write_text(module.operation.get_asm(enable_debug_info=True))


def modules():
    """All cases as text."""
    yield from TEXTS.items()
    if IS_NEW:
        yield from NEW_TEXTS.items()
    for name, (function, *arguments) in CASES.items():
        # Exporting replaces what has no portable form, such as chlo.erf.
        yield name, export.export(jax.jit(function), disabled_checks=ANY_CUSTOM_CALL)(*arguments).mlir_module()


def serialize(text, version):
    # The folder of this script is nobody's business, and would change the files from machine to machine.
    text = text.replace(f"{pathlib.Path(__file__).resolve().parent}/", "").replace(f"{sys.prefix}/", "")
    # What it says of devices has no portable form.
    text = re.sub(r"sdy.sharding_rule = #sdy.op_sharding_rule<.*?custom>(, )?", "", text)
    with jax_mlir.make_ir_context():
        return stablehlo.serialize_portable_artifact_str(text, version)


def fixtures(folder):
    version = stablehlo.get_current_version()
    for name, text in modules():
        if name in LARGE or (not IS_NEW and name in CASES and name not in OLD):
            continue
        write(folder, f"{PREFIX}{name}_{version}", serialize(text, version))
        if IS_NEW and name in OLD:
            for older in ("0.9.0", "0.14.0"):
                write(folder, f"{name}_{older}", serialize(text, older))
    # Of this one the bytes cannot be edited, so its lines are those of a file that is nowhere.
    jax.config.update("jax_include_full_tracebacks_in_locations", False)
    scope = {"jax": jax, "jnp": jnp, "export": export, "x": shape(3, 4)}
    model = "def model(x):\n  return jnp.sin(x) @ x.T\nexported = export.export(jax.jit(model))(x)"
    exec(compile(model, "model.py", "exec"), scope)
    exported = scope["exported"]
    (folder / f"{PREFIX}exported.jax").write_bytes(exported.serialize())
    (folder / f"{PREFIX}exported.mlir").write_text(exported.mlir_module())
    model = """def model(a, b, c, d):
  return b["w"] * 2, d + 1
exported = export.export(jax.jit(model))(x, {"u": shape(5), "w": shape(2, dtype="float64")}, shape(dtype="complex64"), shape(4, dtype="int32"))"""
    scope["shape"] = shape
    exec(compile(model, "model.py", "exec"), scope)
    exported = scope["exported"]
    (folder / f"{PREFIX}unread.jax").write_bytes(exported.serialize())
    (folder / f"{PREFIX}unread.mlir").write_text(exported.mlir_module())
    if IS_NEW:
        scope |= {"lax": lax, "s": jax.sharding.NamedSharding(
            jax.sharding.Mesh(np.array(jax.devices()), ("x",)), jax.sharding.PartitionSpec("x"))}
        model = """def model(x):
  return lax.with_sharding_constraint(jnp.sin(x), s) + 1.0
exported = export.export(jax.jit(model, in_shardings=s))(x)"""
        exec(compile(model, "model.py", "exec"), scope)
        (folder / "sharded.mlirbc").write_bytes(scope["exported"].mlir_module_serialized)
        (folder / "sharded.mlir").write_text(scope["exported"].mlir_module())


def bulk(folder):
    folder.mkdir(parents=True, exist_ok=True)
    versions = ["0.9.0", "0.12.0", "0.14.0", "0.17.0", "1.0.0", "1.1.0", "1.6.0", "1.8.0", "1.9.0", "1.13.0", "1.15.0",
                stablehlo.get_current_version()]
    for name, text in modules():
        for version in versions:
            try:
                artifact = serialize(text, version)
            except Exception as error:
                print(f"{name} has no form in {version}: {str(error).splitlines()[0]}")
                continue
            write(folder, f"{name}_{version}", artifact)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        bulk(pathlib.Path(sys.argv[1]))
    else:
        here = pathlib.Path(__file__).resolve().parent
        fixtures(here)
