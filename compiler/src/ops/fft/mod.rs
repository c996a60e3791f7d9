//! Discrete Fourier transforms.

mod definition;
mod tables;

use crate::diag::TypeError;
use crate::ir::{Atom, Builder, Params, Value};
use crate::ops::elementwise::Conj;
use crate::ops::rules::*;
use crate::types::{Aval, DType, Scalar, Shape, Tensor};
use std::sync::Arc;

/// Transforms the last axes, whose extents are `lengths` (for real transforms, those of the real side). Inverse
/// transforms divide by the number of points.
///
/// Shapes: `[.., n1, n2] -> [.., n1, n2]`; `[.., n1, n2] -> [.., n1, n2 / 2 + 1]` for the transform of real arrays,
/// and back for its inverse. Source: JAX lax.fft.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Fft {
    pub kind: FftKind,
    // Invariant: one to three axes, or more.
    pub lengths: Vec<usize>,
}

/// XLA's four transforms, in the order of their numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FftKind {
    Fft,
    Ifft,
    /// Of real arrays: the half of the spectrum that determines the other.
    Rfft,
    /// From half a spectrum; imaginary parts that a spectrum of real numbers does not have are ignored.
    Irfft,
}

impl FftKind {
    const ALL: [FftKind; 4] = [FftKind::Fft, FftKind::Ifft, FftKind::Rfft, FftKind::Irfft];

    /// The kind of this name, in any case of letters.
    pub fn named(name: &str) -> Option<FftKind> {
        FftKind::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    pub fn name(self) -> &'static str {
        match self {
            FftKind::Fft => "FFT",
            FftKind::Ifft => "IFFT",
            FftKind::Rfft => "RFFT",
            FftKind::Irfft => "IRFFT",
        }
    }

    /// Is its operand complex?
    fn takes_complex(self) -> bool {
        self != FftKind::Rfft
    }
}

impl Primitive for Fft {
    fn name(&self) -> &str {
        "fft"
    }

    fn params(&self) -> Params {
        Params::new().with("fft_lengths", self.lengths.as_slice()).with("fft_type", self.kind as usize)
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        expect_operands(operands, 1)?;
        let (operand, count) = (&operands[0], self.lengths.len());
        let accepts: &[DType] =
            if self.kind.takes_complex() { &[DType::C64, DType::C128] } else { &[DType::F32, DType::F64] };
        if !accepts.contains(&operand.dtype) {
            let [narrow, wide] = [accepts[0], accepts[1]];
            return Err(TypeError(format!(
                "expected an operand of {narrow} or {wide}, found {}",
                operand.dtype
            )));
        }
        if count == 0 || count > operand.rank() {
            return Err(TypeError(format!(
                "fft_lengths has {count} extents, the operand {operand} not as many axes"
            )));
        }
        let leading = operand.rank() - count;
        let (from, to) = (self.operand_extents(), self.result_extents());
        if operand.shape.extents()[leading..] != from {
            return Err(TypeError(format!("expected an operand that ends with {from:?}, found {operand}")));
        }
        let extents: Vec<usize> = operand.shape.extents()[..leading].iter().copied().chain(to).collect();
        Ok(vec![Aval::new(self.result_dtype(operand.dtype), extents)])
    }

    fn eval(&self, _: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        let result =
            self.infer(&[operands[0].aval().clone()]).expect("operands have the inferred types").remove(0);
        Ok(vec![definition::transform(self.kind, &self.lengths, &operands[0], result)])
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        linear(cx, self.clone(), primals, tangents)
    }

    /// Conjugates appear because transposition pairs complex numbers without conjugation.
    fn transpose(
        &self,
        cx: &mut TransposeCx,
        cotangents: &[Tangent],
        operands: &[Operand],
    ) -> Rule<Vec<Tangent>> {
        let Some(ct) = cotangents[0].value().filter(|_| !self.lengths.contains(&0)) else {
            return Ok(zero_cotangents(cx, operands));
        };
        let b = &mut *cx.builder;
        let points = self.lengths.iter().product::<usize>() as f64;
        let other = |kind| Fft { kind, lengths: self.lengths.clone() };
        Ok(vec![Tangent::Value(match self.kind {
            FftKind::Fft | FftKind::Ifft => b.emit_one(self.clone(), &[ct]),
            FftKind::Rfft => {
                let conjugate = b.emit_one(Conj, &[ct]);
                let weights = self.weights(b, conjugate, |count| points / count);
                let weighted = b.mul(conjugate, weights);
                b.emit_one(other(FftKind::Irfft), &[weighted])
            }
            FftKind::Irfft => {
                let spectrum = b.emit_one(other(FftKind::Rfft), &[ct]);
                let weights = self.weights(b, spectrum, |count| count / points);
                let weighted = b.mul(spectrum, weights);
                b.emit_one(Conj, &[weighted])
            }
        })])
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        let axis = dims[0].axis().expect("at least one dim is mapped");
        let moved = cx.builder.move_axis(operands[0], axis, 0);
        Ok(Batched::leading(cx.builder.emit_one(self.clone(), &[moved])))
    }

    fn lower(&self, operands: &[Aval], results: &[Aval]) -> Rule<Lowering> {
        if results[0].shape.element_count() == 0 || self.lengths.contains(&0) {
            // Sums without terms.
            let mut b = Builder::new();
            b.input(operands[0].clone());
            let zeros = b.full(results[0].dtype, &results[0].shape, 0.0);
            return Ok(Lowering::Expand(b.finish(vec![zeros])));
        }
        match self.lengths.as_slice() {
            &[length] => Ok(self.call(length, operands, results)),
            _ => Ok(Lowering::Expand(self.by_axes(&operands[0]))),
        }
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Fft {
    fn parse(name: &str, params: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        (name == "fft").then(|| {
            let kind = match params.require("fft_type")? {
                Value::Int(number) => {
                    usize::try_from(*number).ok().and_then(|at| FftKind::ALL.get(at).copied())
                }
                Value::Name(text) | Value::Str(text) | Value::Opaque(text) => {
                    FftKind::named(text.rsplit('.').next().unwrap_or(text))
                }
                _ => None,
            };
            let kind = kind.ok_or_else(|| {
                TypeError::new("parameter fft_type: expected 0 to 3, or FFT, IFFT, RFFT or IRFFT")
            })?;
            Ok(Fft { kind, lengths: params.sizes("fft_lengths")? })
        })
    }

    fn samples() -> Vec<Sample> {
        let mut samples = Vec::new();
        // Every radix, products, primes beyond them, one and none; one row and more.
        let lengths = [1, 2, 3, 4, 5, 7, 8, 12, 13, 17, 30, 34, 49, 64, 0];
        for (kind, length) in FftKind::ALL.into_iter().flat_map(|kind| lengths.map(|length| (kind, length))) {
            let batch: &[usize] = if length == 12 {
                &[5]
            } else if length == 17 {
                &[2, 3]
            } else {
                &[]
            };
            samples.extend(samples_of(kind, batch, &[length]));
        }
        for kind in FftKind::ALL {
            samples.extend(samples_of(kind, &[], &[3, 4]));
            samples.extend(samples_of(kind, &[2], &[4, 1]));
            samples.extend(samples_of(kind, &[], &[2, 3, 5]));
            samples.extend(samples_of(kind, &[0], &[4]));
            samples.extend(samples_of(kind, &[1], &[0, 4]));
        }
        samples
    }
}

/// Errors: an element is off by more than rounding of the largest one, since some are small differences of large sums.
fn same(_: &[Tensor], found: &[Tensor], expected: &[Tensor]) -> Result<(), String> {
    let parts = |tensor: &Tensor| tensor.scalars().map(|x| x.complex()).collect::<Vec<(f64, f64)>>();
    let (found, expected, dtype) = (parts(&found[0]), parts(&expected[0]), expected[0].dtype());
    let largest = expected.iter().fold(0.0, |most: f64, (re, im)| most.max(re.abs()).max(im.abs()));
    let epsilon = if dtype.real_part() == DType::F64 { f64::EPSILON } else { f64::from(f32::EPSILON) };
    let is_far = |((a, b), (c, d)): (&(f64, f64), &(f64, f64))| {
        let error = (a - c).abs().max((b - d).abs());
        error.is_nan() || error > 16.0 * epsilon * largest
    };
    match found.iter().zip(&expected).position(is_far) {
        None => Ok(()),
        Some(at) => Err(format!("element {at} is {:?}, expected {:?}", found[at], expected[at])),
    }
}

fn samples_of(kind: FftKind, batch: &[usize], lengths: &[usize]) -> Vec<Sample> {
    let op = Fft { kind, lengths: lengths.to_vec() };
    let shape = Shape::from([batch, &op.operand_extents()].concat());
    let dtypes = if kind.takes_complex() { [DType::C64, DType::C128] } else { [DType::F32, DType::F64] };
    let sample = |dtype: DType| {
        let mut seed = 0u32;
        let mut number = || {
            seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
            f64::from(seed >> 24) / 64.0 - 2.0
        };
        let complex = kind.takes_complex();
        let value =
            |_: &[usize]| if complex { Scalar::Complex(number(), number()) } else { Scalar::Float(number()) };
        Sample::new(op.clone(), vec![Tensor::from_fn(Aval::new(dtype, shape.clone()), value)])
            .compared_by(same)
            .within(4096.0)
    };
    dtypes.map(sample).into()
}

impl Fft {
    fn operand_extents(&self) -> Vec<usize> {
        if self.kind == FftKind::Irfft { self.spectrum_extents() } else { self.lengths.clone() }
    }

    fn result_extents(&self) -> Vec<usize> {
        if self.kind == FftKind::Rfft { self.spectrum_extents() } else { self.lengths.clone() }
    }

    /// The lengths, with half of the last and one more.
    fn spectrum_extents(&self) -> Vec<usize> {
        let mut extents = self.lengths.clone();
        extents.iter_mut().next_back().into_iter().for_each(|last| *last = *last / 2 + 1);
        extents
    }

    fn result_dtype(&self, operand: DType) -> DType {
        match self.kind {
            FftKind::Fft | FftKind::Ifft => operand,
            FftKind::Rfft => {
                if operand == DType::F64 {
                    DType::C128
                } else {
                    DType::C64
                }
            }
            FftKind::Irfft => operand.real_part(),
        }
    }

    /// How often each number of half a spectrum occurs in the whole (once at its ends, else twice), through `weight`;
    /// an array along the last axis of `like`.
    fn weights(&self, b: &mut Builder, like: Atom, weight: impl Fn(f64) -> f64) -> Atom {
        let aval = b.aval(like);
        let length = self.lengths[self.lengths.len() - 1];
        let mut extents = vec![1; aval.rank()];
        extents[aval.rank() - 1] = length / 2 + 1;
        let count = |k: usize| if k == 0 || 2 * k == length { 1.0 } else { 2.0 };
        let value = |index: &[usize]| Scalar::Complex(weight(count(index[index.len() - 1])), 0.0);
        b.tensor(Tensor::from_fn(Aval::new(aval.dtype, extents), value))
    }

    /// One axis after the other, each moved to the end; that of a real side first or last.
    fn by_axes(&self, operand: &Aval) -> crate::ir::Program {
        let mut b = Builder::new();
        let mut x: Atom = b.input(operand.clone()).into();
        let (rank, count) = (operand.rank(), self.lengths.len());
        let (kind_of_others, last) = match self.kind {
            FftKind::Fft | FftKind::Rfft => (FftKind::Fft, self.lengths[count - 1]),
            FftKind::Ifft | FftKind::Irfft => (FftKind::Ifft, self.lengths[count - 1]),
        };
        let along_last = Fft { kind: self.kind, lengths: vec![last] };
        if self.kind != FftKind::Irfft {
            x = b.emit_one(along_last.clone(), &[x]);
        }
        for (position, &length) in self.lengths[..count - 1].iter().enumerate() {
            let axis = rank - count + position;
            let moved = b.move_axis(x, axis, rank - 1);
            let transformed = b.emit_one(Fft { kind: kind_of_others, lengths: vec![length] }, &[moved]);
            x = b.move_axis(transformed, rank - 1, axis);
        }
        if self.kind == FftKind::Irfft {
            x = b.emit_one(along_last, &[x]);
        }
        b.finish(vec![x])
    }

    /// A call of the runtime for all rows.
    fn call(&self, length: usize, operands: &[Aval], results: &[Aval]) -> Lowering {
        let (operand, result) = (&operands[0], &results[0]);
        let rows = result.shape.element_count() / self.result_extents()[0];
        let real = result.dtype.real_part();
        let (symbol, lanes) = if real == DType::F64 { ("rjax_fft_f64", 2) } else { ("rjax_fft_f32", 4) };
        let tables = tables::Tables::new(self.kind, length, real);
        // Rows go together while the buffers of all fit in the first caches.
        let buffers_bytes = 2 * 2 * tables.length * real.size_bytes();
        let together = if rows >= lanes && buffers_bytes * lanes <= MOST_BYTES_TOGETHER { lanes } else { 1 };
        let integers = [self.kind as usize, rows, length, together].map(|number| number as i64).to_vec();
        let scratch = Some(buffers_bytes * together);
        let call = runtime_call(symbol, std::slice::from_ref(operand), results, scratch, integers);
        with_tables(call, vec![Arc::new(tables.plan), Arc::new(tables.constants)])
    }
}

// Units: bytes.
const MOST_BYTES_TOGETHER: usize = 1 << 18;
