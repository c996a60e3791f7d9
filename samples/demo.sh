#!/bin/sh
# From a checkout to a running program: builds rjaxc, compiles the digit reader to an object file, links it into a
# C program and a Rust program, and compares their results with JAX's. Needs cargo and a C compiler; no Python.
set -e
cd "$(dirname "$0")/.."
rjaxc=${CARGO_TARGET_DIR:-target}/release/rjaxc
mkdir -p build

echo "1/4  building the compiler (a minute or two the first time)"
cargo build --release --quiet -p rjaxc

echo "2/4  samples/mlp.ir -> build/mlp.o, mlp.h, mlp.rs"
"$rjaxc" samples/mlp.ir -o build/mlp.o

echo "3/4  a C program with it"
${CC:-cc} -std=c11 -O2 -Wall -Wextra -I build samples/c/mlp.c build/mlp.o -o build/mlp-c -lm
build/mlp-c

echo "4/4  a Rust program with it"
rustc --edition 2024 -O samples/rust/mlp.rs -C link-arg=build/mlp.o -o build/mlp-rust
build/mlp-rust

echo "Done. Yours next: print(jax.make_jaxpr(f)(*args)) > my.ir, then $rjaxc my.ir -o my.o"
