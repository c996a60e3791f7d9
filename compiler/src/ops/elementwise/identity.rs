//! Operations whose results are their operands; each means something to JAX that does not concern compiled code.

use crate::diag::TypeError;
use crate::ir::{Atom, Builder, Params};
use crate::ops::Op;
use crate::ops::rules::*;
use crate::types::{Aval, DType, Tensor};

/// An operation that returns its operands. The parameters of JAX's text (devices, shardings) are read over.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Identity(pub IdentityKind);

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum IdentityKind {
    Copy,
    CopyP,
    /// Its derivative is zero.
    StopGradient,
    /// Any number of operands.
    OptimizationBarrier,
    /// Any number of operands.
    DevicePut,
    ShardingConstraint,
    /// Of keys, which JAX counts uses of.
    RandomClone,
    /// `jax.ad_checkpoint.checkpoint_name`: a name for rematerialization policies.
    Name,
    /// Of equinox: promises that nothing transforms it from the outside, which is true by the time it is in a text.
    Nontraceable,
    /// Of equinox: refuses cotangents. A jaxpr that was differentiated has none left.
    NondifferentiableBackward,
}

impl IdentityKind {
    /// Every member.
    pub const ALL: [IdentityKind; 10] = {
        use IdentityKind::*;
        [
            Copy,
            CopyP,
            StopGradient,
            OptimizationBarrier,
            DevicePut,
            ShardingConstraint,
            RandomClone,
            Name,
            Nontraceable,
            NondifferentiableBackward,
        ]
    };

    fn name(self) -> &'static str {
        match self {
            IdentityKind::Copy => "copy",
            IdentityKind::CopyP => "copy_p",
            IdentityKind::StopGradient => "stop_gradient",
            IdentityKind::OptimizationBarrier => "optimization_barrier",
            IdentityKind::DevicePut => "device_put",
            IdentityKind::ShardingConstraint => "sharding_constraint",
            IdentityKind::RandomClone => "random_clone",
            IdentityKind::Name => "name",
            IdentityKind::Nontraceable => "nontraceable",
            IdentityKind::NondifferentiableBackward => "nondifferentiable_backward",
        }
    }

    fn is_variadic(self) -> bool {
        match self {
            IdentityKind::OptimizationBarrier | IdentityKind::DevicePut => true,
            IdentityKind::Copy | IdentityKind::CopyP => false,
            IdentityKind::StopGradient | IdentityKind::ShardingConstraint | IdentityKind::RandomClone => {
                false
            }
            IdentityKind::Name | IdentityKind::Nontraceable | IdentityKind::NondifferentiableBackward => {
                false
            }
        }
    }
}

impl Primitive for Identity {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn params(&self) -> Params {
        Params::new()
    }

    fn infer(&self, operands: &[Aval]) -> Result<Vec<Aval>, TypeError> {
        if !self.0.is_variadic() {
            expect_operands(operands, 1)?;
        }
        Ok(operands.to_vec())
    }

    fn eval(&self, _cx: &EvalCx, operands: &[Tensor]) -> Rule<Vec<Tensor>> {
        Ok(operands.to_vec())
    }

    fn jvp(&self, cx: &mut JvpCx, primals: &[Atom], tangents: &[Tangent]) -> Rule<Duals> {
        if self.0 == IdentityKind::StopGradient {
            return locally_constant(cx, *self, primals);
        }
        let results = cx.builder.emit(*self, primals);
        let tangents = self.on_values(cx.builder, tangents);
        Ok(Duals { primals: results, tangents })
    }

    fn transpose(&self, cx: &mut TransposeCx, cotangents: &[Tangent], _: &[Operand]) -> Rule<Vec<Tangent>> {
        if self.0 == IdentityKind::StopGradient {
            return Err(NoRule::ByDesign("its derivative is zero"));
        }
        if self.0 == IdentityKind::NondifferentiableBackward && cotangents.iter().any(|ct| !ct.is_zero()) {
            return Err(NoRule::ByDesign(
                "it stands for code that has no reverse derivative, in equinox too",
            ));
        }
        Ok(self.on_values(cx.builder, cotangents))
    }

    fn batch(&self, cx: &mut BatchCx, operands: &[Atom], dims: &[BatchDim]) -> Rule<Batched> {
        Ok(Batched { values: cx.builder.emit(*self, operands), dims: dims.to_vec() })
    }

    fn lower(&self, operands: &[Aval], _: &[Aval]) -> Rule<Lowering> {
        Ok(identity_program(operands))
    }

    fn nesting(&self) -> Nesting<'_> {
        Nesting::Flat
    }
}

impl Family for Identity {
    fn parse(name: &str, _: &Params, _: &[Option<Aval>]) -> Option<Result<Self, TypeError>> {
        let kind = IdentityKind::ALL.into_iter().find(|kind| kind.name() == name)?;
        Some(Ok(Identity(kind)))
    }

    fn samples() -> Vec<Sample> {
        let mut samples = Vec::new();
        for kind in IdentityKind::ALL {
            // Finite differences say that the tangent of stop_gradient is not zero.
            let smooth = kind != IdentityKind::StopGradient;
            let sample = |operands| Sample { smooth, ..Sample::new(Identity(kind), operands).within(0.0) };
            let x = Tensor::from_f64s(DType::F32, [3], &[1.0, -2.5, 3.0]);
            let n = Tensor::from_f64s(DType::I32, [2, 1], &[1.0, 2.0]);
            samples.push(sample(vec![x.clone()]));
            samples.push(sample(vec![n.clone()]));
            samples.push(sample(vec![Tensor::from_f64s(DType::BF16, [0], &[])]));
            samples.push(sample(vec![Tensor::from_f64s(DType::KeyFry, [2], &[7.0, 42.0])]));
            if kind.is_variadic() {
                samples.push(sample(vec![x, n]));
            }
        }
        samples
    }
}

impl Identity {
    /// The operation on the nonzero ones.
    fn on_values(&self, builder: &mut Builder, tangents: &[Tangent]) -> Vec<Tangent> {
        let values: Vec<Atom> = tangents.iter().filter_map(Tangent::value).collect();
        if values.is_empty() {
            return tangents.to_vec();
        }
        let mut results = builder.emit(Op::from(*self), &values).into_iter();
        let image = |tangent: &Tangent| match tangent {
            Tangent::Value(_) => Tangent::Value(results.next().expect("one result per operand")),
            Tangent::Zero(aval) => Tangent::Zero(aval.clone()),
        };
        tangents.iter().map(image).collect()
    }
}
