"""Writes the text of a function and the constants that JAX does not print, for `rjaxc NAME.ir --consts NAME.npz`.

    from jaxpr_files import write
    write("step", step, state, dt)      # step.ir and, if it has constants, step.npz

For functions that close over arrays inside `jit`, `scan` or a library, such as diffrax. Equinox's checks call Python:
they are nothing but NaN in the text where EQX_ON_ERROR=nan is set before equinox is imported.
"""

import jax
import numpy as np
from jax._src import core


def write(name, function, *args):
    traced = jax.make_jaxpr(function)(*args)
    text, bodies = printed(traced)
    constants = {f"const{i}": np.asarray(value) for i, value in enumerate(traced.consts)}
    constants |= {f"body.const{i}": np.asarray(value) for i, value in enumerate(bodies) if value is not None}
    with open(f"{name}.ir", "w") as file:
        file.write(f"{text}\n")
    if constants:
        np.savez(f"{name}.npz", **constants)


def printed(traced):
    """The text, and the constants of the functions in it, in the order in which it names them."""
    values, found = {}, []
    collect(traced, values)
    skeleton = core.pp_jaxpr_skeleton

    def noting(jaxpr, *args, **kwargs):
        if jaxpr.constvars and id(jaxpr) != id(open_jaxpr(traced)):
            # What equinox has closed over stands there too, but is passed to the function.
            found.extend(values.get(id(jaxpr)) or [None] * len(jaxpr.constvars))
        return skeleton(jaxpr, *args, **kwargs)

    core.pp_jaxpr_skeleton = noting
    try:
        return str(traced), found
    finally:
        core.pp_jaxpr_skeleton = skeleton


def collect(closed, values):
    """Puts the constants of all functions from this one down into `values`, under the identity of their jaxpr."""
    jaxpr, consts = open_jaxpr(closed), getattr(closed, "consts", None) or []
    known = values.get(id(jaxpr))
    if known and consts and any(one is not other for one, other in zip(known, consts)):
        raise ValueError("one function is used with two sets of constants, which its text cannot say")
    values[id(jaxpr)] = known or consts
    if known is not None:
        return
    for equation in jaxpr.eqns:
        for value in leaves(list(equation.params.values())):
            if hasattr(value, "eqns"):
                collect(value, values)


def open_jaxpr(value):
    return getattr(value, "jaxpr", value)


def leaves(value):
    if isinstance(value, (tuple, list)):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]
