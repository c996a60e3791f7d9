//! Floating-point modes of the caller: a call leaves them as they are, and is right under all of them.

use crate::build::{CFLAGS, cc};
use crate::callers::{results, write_caller};
use crate::model::{Model, called_with, compile};
use rjaxc_compiler::types::{Aval, DType, Scalar, Tensor};
use rjaxc_tests::close::{Tolerance, close};
use rjaxc_tests::process::{folder, has_tool, rjaxc, run};
use std::path::Path;
use std::process::Command;

/// `main` calls everything once per mode; the first is the usual one.
const MAIN: &str = "
#if defined(__aarch64__)
static unsigned long modes[] = {0, 1ul << 24, 1ul << 22, 2ul << 22, 3ul << 22, 7ul << 22};
static unsigned long mode(void) { unsigned long now; __asm__ volatile(\"mrs %0, fpcr\" : \"=r\"(now)); return now; }
static void set_mode(unsigned long wanted) { __asm__ volatile(\"msr fpcr, %0\" : : \"r\"(wanted) : \"memory\"); }
#else
/* Denormals taken for and made zero; down, up, towards zero; the last and the first. All exceptions are masked. */
static unsigned modes[] = {0x1f80, 0x9fc0, 0x3f80, 0x5f80, 0x7f80, 0xffc0};
/* Without the flags of what has happened. */
static unsigned mode(void) { unsigned now; __asm__ volatile(\"stmxcsr %0\" : \"=m\"(now)); return now & ~0x3fu; }
static void set_mode(unsigned wanted) { __asm__ volatile(\"ldmxcsr %0\" : : \"m\"(wanted) : \"memory\"); }
#endif
int main(void) {
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
    set_mode(modes[i]);
    int failed = calls();
    int is_kept = mode() == modes[i];
    set_mode(modes[0]);
    if (failed || !is_kept) return failed ? failed : 3;
  }
  return 0;
}
";
const MODES: [&str; 6] =
    ["nearest", "flushed", "first direction", "second direction", "third", "third, flushed"];

/// What happens to an element of a random sequence on its way to a normal distribution.
const RANDOM: &str = "\
{ lambda ; k:u32[2]. let
    a:key<fry>[] = random_wrap[impl=fry] k
    b:u32[64] = random_bits[bit_width=32 shape=(64,)] a
    c:u32[64] = shift_right_logical b 9:u32[]
    d:u32[64] = or c 1065353216:u32[]
    e:f32[64] = bitcast_convert_type[new_dtype=float32] d
    f:f32[64] = sub e 1.0:f32[]
    g:f32[64] = mul f 2.0:f32[]
    h:f32[64] = add g -0.9999999403953552:f32[]
    i:f32[64] = max -0.9999999403953552:f32[] h
    j:f32[64] = erf_inv i
    m:u32[64] = rem b 1000:u32[]
    n:u32[64] = div b 7:u32[]
  in (b, f, j, m, n) }
";

const ORDER: &str = "\
{ lambda ; x:FLOAT[24] y:FLOAT[24]. let
    i:i32[24] = iota[dimension=0 dtype=int32 shape=(24,) sharding=None]
    a:FLOAT[24] b:i32[24] = sort[dimension=0 is_stable=True num_keys=1] x i
    c:bool[24] = lt x y
    d:bool[24] = eq x y
    e:i32[] = argmax[axes=(0,) index_dtype=int32] y
    f:i32[24] = convert_element_type[new_dtype=int32 weak_type=False] x
    g:FLOAT[24] = round[rounding_method=1] x
    h:FLOAT[24] = round[rounding_method=0] x
    j:FLOAT[24] = floor y
    k:FLOAT[24] = nextafter x y
    l:FLOAT[24] = rem x y
    m:bool[24] = is_finite x
  in (a, b, c, d, e, f, g, h, j, k, l, m) }
";

const ARITHMETIC: &str = "\
{ lambda ; x:FLOAT[24] y:FLOAT[24] i:i32[24] j:i64[24]. let
    a:FLOAT[24] = pow x y
    b:FLOAT[24] = atan2 x y
    c:FLOAT[24] = div x y
    d:FLOAT[24] = integer_pow[y=3] x
    e:FLOAT[24] = convert_element_type[new_dtype=NAME weak_type=False] i
    f:FLOAT[24] = convert_element_type[new_dtype=NAME weak_type=False] j
    g:bf16[24] = convert_element_type[new_dtype=bfloat16 weak_type=False] y
    h:f16[24] = convert_element_type[new_dtype=float16 weak_type=False] y
  in (a, b, c, d, e, f, g, h) }
";

/// Through the runtime. The matrix is positive definite and far from singular.
const LINEAR: &str = "\
{ lambda ; a:FLOAT[5,5] b:FLOAT[5,2]. let
    c:FLOAT[5,5] = cholesky a
    d:FLOAT[5,5] e:i32[5] f:i32[5] = lu a
    g:FLOAT[5,5] h:FLOAT[5] = eigh[algorithm=None lower=True sort_eigenvalues=True subset_by_index=None] a
    i:FLOAT[5,5] j:FLOAT[5,5] = qr[full_matrices=True pivoting=False use_magma=None] a
    k:FLOAT[5] = svd[algorithm=None compute_uv=False full_matrices=True subset_by_index=None] a
    l:FLOAT[5,2] = triangular_solve[
      conjugate_a=False left_side=True lower=True transpose_a=False unit_diagonal=False] c b
    m:FLOAT[5,2] = dot_general[dimension_numbers=(([1], [0]), ([], []))] a b
    n:COMPLEX[5,5] = convert_element_type[new_dtype=COMPLEX_NAME weak_type=False] a
    o:COMPLEX[5,5] = fft[fft_lengths=(5,) fft_type=0] n
    p:FLOAT[5,5] = abs o
    q:FLOAT[2] = reduce_sum[axes=(0,)] b
    r:FLOAT[5,2] = abs b
    s:FLOAT[5,2] = add r 1.0:FLOAT[]
    t:FLOAT[5,2] = igamma s s
    u:FLOAT[5,2] = zeta 2.5:FLOAT[] s
    v:FLOAT[5,2] = polygamma 2.0:FLOAT[] s
    w:FLOAT[5,2] = regularized_incomplete_beta s 2.0:FLOAT[] 0.25:FLOAT[]
  in (c, d, e, h, i, j, k, l, m, p, q, t, u, v, w) }
";

const UNARY: [&str; 31] = [
    "exp",
    "exp2",
    "expm1",
    "log",
    "log1p",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "logistic",
    "sqrt",
    "rsqrt",
    "cbrt",
    "erf",
    "erfc",
    "erf_inv",
    "lgamma",
    "digamma",
    "bessel_i0e",
    "bessel_i1e",
    "sign",
    "neg",
    "square",
];

/// Ordinary numbers, ties, neighbours of one, and those at which functions have poles.
const NUMBERS: [f64; 24] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    2.5,
    -2.5,
    0.1,
    -0.7,
    3.0,
    -3.0,
    7.3,
    -7.3,
    12.0,
    23.7,
    -23.7,
    60.1,
    1e-3,
    -1e-6,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    0.99,
];

const ROWS: usize = 5;

/// What stands for `aval` in position `position` of a program's inputs.
fn input(position: usize, aval: &Aval) -> Tensor {
    let shape = aval.shape.clone();
    let count = shape.element_count();
    let number = |at: usize| match (aval.dtype, position) {
        (DType::U32, _) => (123_456_789 * (at + 1)) as f64,
        (DType::I32, _) => [0.0, -7.0, 16_777_217.0, -2_147_483_647.0][at % 4],
        (DType::I64, _) => [1.0, 9_007_199_254_740_992.0, -123_456_789_012_345.0, 5.0][at % 4],
        _ if count == NUMBERS.len() => NUMBERS[(at * (1 + 6 * position)) % count],
        _ => {
            let (row, column) = (at / ROWS, at % ROWS);
            let is_diagonal = count == ROWS * ROWS && row == column;
            if is_diagonal { 6.0 + row as f64 } else { 1.0 / (1.0 + (row + column) as f64) }
        }
    };
    Tensor::from_f64s(aval.dtype, shape, &(0..count).map(number).collect::<Vec<_>>())
}

fn model(stem: &'static str, text: &str, dtype: DType, dir: &Path) -> Model {
    let (name, complex) =
        if dtype == DType::F64 { ("float64", "complex128") } else { ("float32", "complex64") };
    let short = if dtype == DType::F64 { "c128" } else { "c64" };
    let text = text.replace("COMPLEX_NAME", complex).replace("COMPLEX", short);
    let text = text.replace("FLOAT", dtype.short_name()).replace("NAME", name);
    let inputs = |avals: &[Aval]| avals.iter().enumerate().map(|(at, aval)| input(at, aval)).collect();
    called_with(stem, &text, dir, inputs)
}

/// Every function of one number, in one program.
fn unary() -> String {
    let lines = UNARY.iter().enumerate().map(|(at, name)| format!("y{at}:FLOAT[24] = {name} x\n"));
    let names: Vec<String> = (0..UNARY.len()).map(|at| format!("y{at}")).collect();
    format!("{{ lambda ; x:FLOAT[24]. let {} in ({},) }}\n", lines.collect::<String>(), names.join(", "))
}

/// How far results may be from those of the usual mode, which are close to the right ones.
fn tolerance(usual: &Tensor) -> Tolerance {
    let scale = usual.scalars().map(|x| if let Scalar::Float(x) = x { x.abs() } else { 0.0 });
    let scale = scale.filter(|x| x.is_finite()).fold(0.0, f64::max);
    let (ulp, least) = match usual.dtype() {
        DType::F64 => (f64::EPSILON, f64::MIN_POSITIVE),
        DType::F32 => (f64::from(f32::EPSILON), f64::from(f32::MIN_POSITIVE)),
        DType::BF16 => (2.0f64.powi(-7), f64::from(f32::MIN_POSITIVE)),
        _ => (2.0f64.powi(-10), 2.0f64.powi(-14)),
    };
    Tolerance { relative: 16.0 * ulp, absolute: least + 2.0 * ulp * scale.min(1e3) }
}

/// Compares what a caller prints for all modes with what it prints for the first.
fn compare(command: &mut Command, models: &[&Model]) {
    let output = command.output().expect("the program runs");
    assert!(output.status.success(), "{command:?}: {}", output.status);
    let mut rest = output.stdout.as_slice();
    let mut failures = Vec::new();
    let mut usual: Vec<Vec<Tensor>> = Vec::new();
    for mode in MODES {
        for (at, model) in models.iter().enumerate() {
            let found = results(&model.functions[0], &mut rest);
            let Some(usual) = usual.get(at) else {
                usual.push(found);
                continue;
            };
            for (position, (found, usual)) in found.iter().zip(usual).enumerate() {
                if let Err(why) = close(found, usual, tolerance(usual)) {
                    failures.push(format!("{} result {position}, mode {mode}: {why}", model.stem));
                }
            }
        }
    }
    assert!(rest.is_empty(), "{command:?} prints {} bytes too much", rest.len());
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

fn without_runtime(dir: &Path) -> Vec<Model> {
    let unary = unary();
    vec![
        model("unary32", &unary, DType::F32, dir),
        model("unary64", &unary, DType::F64, dir),
        model("unary16", &unary, DType::BF16, dir),
        model("arithmetic32", ARITHMETIC, DType::F32, dir),
        model("arithmetic64", ARITHMETIC, DType::F64, dir),
        model("random", RANDOM, DType::F32, dir),
    ]
}

#[test]
fn calls_are_right_in_every_mode_and_keep_it() {
    let dir = folder("objects", "modes");
    let mut models = without_runtime(&dir);
    models.push(model("order32", ORDER, DType::F32, &dir));
    models.push(model("order64", ORDER, DType::F64, &dir));
    models.push(model("linear32", LINEAR, DType::F32, &dir));
    models.push(model("linear64", LINEAR, DType::F64, &dir));
    let models: Vec<&Model> = models.iter().collect();
    write_caller(&dir, &models, MAIN);
    let objects: Vec<_> = models.iter().map(|model| compile(model, &dir, &[])).collect();
    let archive = dir.join("runtime.a");
    run(Command::new(rjaxc()).arg(&models[0].file).args(["--emit=runtime", "-o"]).arg(&archive));
    run(cc(&dir).args(["-o", "caller", "caller.c"]).args(&objects).arg("runtime.a"));
    compare(&mut Command::new(dir.join("caller")), &models);
}

#[test]
fn calls_are_right_in_every_mode_of_aarch64() {
    let test = "calls_are_right_in_every_mode_of_aarch64";
    if !has_tool(test, "aarch64-linux-gnu-gcc") || !has_tool(test, "qemu-aarch64") {
        return;
    }
    let dir = folder("objects", "modes_aarch64");
    let models = without_runtime(&dir);
    let models: Vec<&Model> = models.iter().collect();
    write_caller(&dir, &models, MAIN);
    let target = "--target=aarch64-unknown-linux-gnu";
    let objects: Vec<_> = models.iter().map(|model| compile(model, &dir, &[target])).collect();
    let mut gcc = Command::new("aarch64-linux-gnu-gcc");
    run(gcc.current_dir(&dir).args(CFLAGS).args(["-static", "-o", "caller", "caller.c"]).args(&objects));
    compare(Command::new("qemu-aarch64").arg(dir.join("caller")), &models);
}
