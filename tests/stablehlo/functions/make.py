"""Writes functions of JAX 0.12 as StableHLO: their derivatives are not those of the text. Prints first and second ones.

erfcx_by_erfc.mlir is the erfcx of JAX 0.10.
"""
import pathlib

import jax
import jax.numpy as jnp
import jax.scipy.special as special

FUNCTIONS = {
    "erfcx": (special.erfcx, [-1.0, 0.0, 1.0, 3.0]),
    "fresnel_c": (lambda x: special.fresnel(x)[1], [-1.0, 0.0, 0.5, 2.0]),
    "fresnel_s": (lambda x: special.fresnel(x)[0], [-1.0, 0.0, 0.5, 2.0]),
    "i0": (special.i0, [-1.0, 0.0, 2.0]),
    "i1": (special.i1, [-1.0, 0.0, 2.0]),
    "lgamma": (special.gammaln, [0.5, 2.0, 7.0]),
    "ndtri": (special.ndtri, [0.1, 0.5, 0.8]),
    "sinc": (jnp.sinc, [-2.0, 0.0, 0.5, 1.0]),
}
for name, (function, points) in FUNCTIONS.items():
    text = jax.jit(function).lower(jax.ShapeDtypeStruct((), jnp.float32)).as_text()
    (pathlib.Path(__file__).parent / f"{name}.mlir").write_text(text)
    first = jax.grad(function)
    print(name, [(x, float(f"{first(x):.6g}"), float(f"{jax.grad(first)(x):.6g}")) for x in points])
