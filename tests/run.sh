#!/bin/sh
# Everything that must hold before a change lands:  sh tests/run.sh
# Installs what is missing where it can (apt, PyPI); what it cannot install, it names, and goes on without.
# RJAXC_PYTHON names a Python with numpy, ml_dtypes and jax 0.10.2 to use instead of making .venv, RJAXC_PYTHON12 one with
# jax 0.12.0.1 instead of .venv12.
set -eu
cd "$(dirname "$0")/.."
corpus=../shared/conformance
versions=../shared/versions
mkdir -p build
rjaxc=${CARGO_TARGET_DIR:-target}/release/rjaxc

step() { printf '\n== %s\n' "$1"; }

# The tests run aarch64 code under qemu.
install_cross() {
    command -v aarch64-linux-gnu-gcc >/dev/null && command -v qemu-aarch64 >/dev/null && return
    step "install an aarch64 C compiler and qemu"
    sudo=
    [ "$(id -u)" = 0 ] || sudo="sudo -n"
    if ! command -v apt-get >/dev/null; then
        echo "SKIPPED: no apt here, so the aarch64 tests will be reported as skipped"
    elif ! { $sudo apt-get update -qq &&
        $sudo apt-get install -y -qq --no-install-recommends gcc-aarch64-linux-gnu qemu-user libc6-dev-arm64-cross; } >/dev/null; then
        echo "SKIPPED: apt-get failed, so the aarch64 tests will be reported as skipped"
    fi
}

# Sets $python to an interpreter that can run the conformance runner and JAX, or to nothing.
find_python() {
    python=${RJAXC_PYTHON:-$PWD/.venv/bin/python}
    "$python" -c "import numpy, ml_dtypes, jax" 2>/dev/null && return
    step "install jax into .venv"
    python=$PWD/.venv/bin/python
    if ! { python3 -m venv .venv && "$python" -m pip install --quiet numpy ml_dtypes jax==0.10.2; }; then
        echo "SKIPPED: no Python environment, so the conformance cases are not run"
        python=
    fi
}

# Sets $newest to an interpreter with today's JAX, which asks for Python 3.12 or later, or to nothing.
find_newest() {
    newest=${RJAXC_PYTHON12:-$PWD/.venv12/bin/python}
    "$newest" -c "import numpy, ml_dtypes, jax" 2>/dev/null && return
    newest=
    for candidate in python3.14 python3.13 python3.12 "$HOME"/.pyenv/versions/3.1[2-9]*/bin/python3; do
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null || continue
        step "install jax 0.12.0.1 into .venv12"
        if "$candidate" -m venv .venv12 && .venv12/bin/python -m pip install --quiet numpy ml_dtypes jax==0.12.0.1; then
            newest=$PWD/.venv12/bin/python
            return
        fi
        echo "SKIPPED: $candidate cannot install jax 0.12.0.1, so what is written is run by one version of jaxlib"
        return
    done
    echo "SKIPPED: no Python 3.12 or later here for jax 0.12.0.1, so what is written is run by one version of jaxlib"
}

# Runs corpora with the programs in one of their two texts; the list tests/conformance/TEXT.txt names what does not pass.
judge() {
    text=$1
    shift
    step "conformance with JAX, read as $text"
    # shellcheck disable=SC2046
    "$python" "$corpus/runner.py" $(printf "$corpus/cases/%s " "$@") --ir "$text" --server "$rjaxc conform --guard" \
        --report "build/conformance-$text.json" -q || true
    "$python" tests/conformance/verdict.py "tests/conformance/$text.txt" "build/conformance-$text.json"
}

install_cross

# One profile throughout, so that dependencies are built once.
step "cargo fmt --check"
cargo fmt --check

step "cargo clippy"
cargo clippy --release --workspace --all-targets --quiet -- -D warnings

step "cargo doc"
RUSTDOCFLAGS="-D rustdoc::broken_intra_doc_links" cargo doc --release --workspace --no-deps --quiet

step "cargo build --release"
cargo build --release --quiet

# Before the tests: one of them runs what is written as StableHLO through jaxlib.
python=
newest=
[ ! -d "$corpus" ] || { find_python && find_newest; }

step "cargo test"
RJAXC_PYTHON=$python cargo test --release --workspace --no-fail-fast

if [ -n "$newest" ]; then
    step "what is written as StableHLO, run by today's jaxlib"
    RJAXC_PYTHON=$newest cargo test --release --workspace --test stablehlo jaxlib
fi

step "wrong files of StableHLO, for a minute"
RJAXC_FUZZ_SECONDS=60 cargo test --release --workspace --test bad_stablehlo

if [ -d "$corpus" ]; then
    if [ -n "$python" ]; then
        judge jaxpr harness jnp programs programs12 grad vmap
        judge stablehlo stablehlo harness jnp programs grad vmap
        step "conformance with JAX, through a C compiler"
        "$python" "$corpus/runner.py" "$corpus/cases/programs" "$corpus/cases/programs12" "$corpus/cases/jnp" --jobs 2 \
            --server "$rjaxc conform --cc cc" --report build/conformance-c.json -q || true
        "$python" tests/conformance/verdict.py tests/conformance/c.txt build/conformance-c.json
        step "texts of other versions and producers"
        "$python" "$versions/run.py" "$rjaxc" --json build/versions.json || true
        "$python" tests/conformance/verdict.py tests/conformance/versions.txt build/versions.json
    fi
fi
