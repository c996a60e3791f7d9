//! Names of the inputs and outputs of transformed functions.

use super::Request;
use crate::transform;

impl Request<'_> {
    pub(super) fn input_names(&self, prefix: &str, argnums: &[usize]) -> Vec<String> {
        argnums.iter().map(|&argnum| format!("{prefix}_{}", self.function.input_names[argnum])).collect()
    }

    /// Derivatives of the first output: `d_loss_d_kernel`.
    pub(super) fn slope_names(&self, argnums: &[usize]) -> Vec<String> {
        self.slope_names_of(0, argnums)
    }

    pub(super) fn slope_names_of(&self, output: usize, argnums: &[usize]) -> Vec<String> {
        let output = self.function.output_names.get(output).map_or("out0", String::as_str);
        self.gradient_names(argnums).into_iter().map(|name| format!("d_{output}_{name}")).collect()
    }

    /// The derivative of a result along a direction of these arguments: `d_loss_d_kernel`, or `d_loss` where they are several.
    pub(super) fn along(&self, result: &str, argnums: &[usize]) -> String {
        match argnums {
            &[argnum] => format!("d_{result}_d_{}", self.function.input_names[argnum]),
            _ => format!("d_{result}"),
        }
    }

    /// Of the outputs that can be differentiated.
    pub(super) fn directional_names(&self, argnums: &[usize]) -> Vec<String> {
        let names = &self.function.output_names;
        self.differentiable_outputs().into_iter().map(|output| self.along(&names[output], argnums)).collect()
    }

    pub(super) fn differentiable_outputs(&self) -> Vec<usize> {
        transform::differentiable_outputs(&self.function.program)
    }

    pub(super) fn gradient_names(&self, argnums: &[usize]) -> Vec<String> {
        self.input_names("d", argnums)
    }

    /// Of the outputs that can be differentiated.
    pub(super) fn output_names(&self, prefix: &str) -> Vec<String> {
        self.differentiable_outputs()
            .into_iter()
            .map(|output| format!("{prefix}_{}", self.function.output_names[output]))
            .collect()
    }
}

/// Numbers the repetitions that transforms of transforms bring: `t_x`, `t_x2`.
pub(super) fn distinct(names: Vec<String>) -> Vec<String> {
    let mut taken: Vec<String> = Vec::new();
    for name in names {
        let mut candidates = std::iter::once(name.clone()).chain((2..).map(|n| format!("{name}{n}")));
        taken.push(candidates.find(|name| !taken.contains(name)).expect("an endless supply of names"));
    }
    taken
}
