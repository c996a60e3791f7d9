"""Writes the loops of this folder as JAX prints them: jaxpr text (.ir) and StableHLO (.mlir) of the same function."""
import pathlib

import jax
import jax.numpy as jnp
from jax import lax

here = pathlib.Path(__file__).parent
N = 24


def write(name, function, *shapes):
    args = [jax.ShapeDtypeStruct(shape, jnp.float32) if isinstance(shape, tuple) else shape for shape in shapes]
    (here / f"{name}.ir").write_text(f"{jax.make_jaxpr(function)(*args)}\n")
    (here / f"{name}.mlir").write_text(jax.jit(function).lower(*args).as_text())


def rnn(w, u, xs, h):
    def step(h, x):
        h = jnp.tanh(w @ h + u @ x)
        return h, h
    return jnp.sum(lax.scan(step, h, xs)[1] ** 2)


def lstm(wi, wh, b, xs, h, c):
    def step(state, x):
        h, c = state
        i, g, f, o = jnp.split(x @ wi + h @ wh + b, 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h
    return jnp.sum(lax.scan(step, (h, c), xs)[1] ** 2)


def nested(w, v, xs, h):
    def outer(h, x):
        def middle(h, _):
            h, _ = lax.scan(lambda h, _: (jnp.sin(w @ h) + x, None), h, None, length=4)
            return jnp.tanh(v * h), None
        h, _ = lax.scan(middle, h, None, length=3)
        return h, jnp.sum(h)
    h, ys = lax.scan(outer, h, xs)
    return jnp.sum(ys) + jnp.sum(h)


def rows_of_weights(ws, h):
    return jnp.sum(lax.scan(lambda h, w: (jnp.tanh(w @ h), None), h, ws)[0])


def transposed(w, b, xs, h):
    def step(h, x):
        return jnp.tanh(w.T @ h + jnp.broadcast_to(b, (16, N)).sum(0) * x), None
    return jnp.sum(lax.scan(step, h, xs)[0] ** 2)


def elementwise(w, xs, h):
    def step(h, x):
        h = h * jnp.exp(-w) + x * w
        return h, jnp.sum(h)
    return jnp.sum(lax.scan(step, h, xs)[1])


def backwards(w, xs, h):
    def step(h, x):
        h = jnp.tanh(w @ h + x)
        return h, h
    return jnp.sum(lax.scan(step, h, xs, reverse=True)[1])


def branches(w, v, xs, h):
    def step(h, x):
        return lax.cond(x[0] > 0, lambda h: jnp.tanh(w @ h), lambda h: jnp.tanh(v @ h), h) + x, None
    return jnp.sum(lax.scan(step, h, xs)[0])


def counted(w, h):
    return jnp.sum(lax.fori_loop(0, 20, lambda i, h: jnp.tanh(w @ h) + i, h))


def bounded(w, h, n):
    return jnp.sum(lax.fori_loop(0, n, lambda i, h: jnp.tanh(w @ h) + i, h))


write("rnn", rnn, (N, N), (N, N), (32, N), (N,))
write("lstm", lstm, (N, 4 * N), (N, 4 * N), (4 * N,), (32, 8, N), (8, N), (8, N))
write("nested", nested, (N, N), (N,), (16, N), (N,))
write("rows_of_weights", rows_of_weights, (16, N, N), (N,))
write("transposed", transposed, (N, N), (N,), (32, N), (N,))
write("elementwise", elementwise, (N, N), (32, N, N), (N, N))
write("backwards", backwards, (N, N), (32, N), (N,))
write("branches", branches, (N, N), (N, N), (16, N), (N,))
write("counted", counted, (N, N), (N,))
write("bounded", bounded, (N, N), (N,), jax.ShapeDtypeStruct((), jnp.int32))
