//! What the expansions compute, against numbers of JAX.

use crate::ir::Value;
use crate::ir::{Params, Program};
use crate::types::{Aval, DType};

fn program(name: &str, params: &Params, operands: &[Aval]) -> Result<Program, String> {
    let op = super::expanded(name, params, operands, &[]).expect("the name is known");
    let op = op.map_err(|error| error.message)?;
    let body = op.nested().expect("it is a call").bodies()[0].program().clone();
    Ok(body)
}

fn axes(axes: impl IntoIterator<Item = i64>) -> Params {
    Params::new().with("axes", Value::Tuple(axes.into_iter().map(Value::Int).collect()))
}

#[test]
fn positional_axes_are_folded_and_bad_ones_refused() {
    let x = Aval::new(DType::F32, [4, 3]);
    let folded = program("psum", &axes([0]), std::slice::from_ref(&x)).expect("axis 0 is there");
    assert_eq!(folded.output_avals(), [Aval::new(DType::F32, [3])]);
    assert!(program("pmax", &axes([2]), std::slice::from_ref(&x)).is_err());
    assert!(program("psum", &axes([-1]), std::slice::from_ref(&x)).is_err());
    let groups = axes([0]).with("axis_index_groups", Value::Tuple(vec![Value::Int(0)]));
    assert!(program("psum", &groups, &[x]).is_err());
}

#[test]
fn operands_that_do_not_fit_are_errors() {
    let info = Value::Record("SparseInfo".into(), vec![(Some("shape".into()), Value::tuple([3usize, 3]))]);
    let params = Params::new().with("spinfo", info);
    let (data, indices) = (Aval::new(DType::F32, [4]), Aval::new(DType::I32, [3, 2]));
    assert!(program("bcoo_todense", &params, &[data.clone(), indices.clone()]).is_err());
    assert!(program("bcoo_todense", &params, std::slice::from_ref(&data)).is_err());
    assert!(program("bcoo_todense", &params, &[data, Aval::scalar(DType::F32)]).is_err());
    let data = Aval::new(DType::F32, [3]);
    let dense = program("bcoo_todense", &params, &[data, indices]).expect("it fits");
    assert_eq!(dense.output_avals(), [Aval::new(DType::F32, [3, 3])]);
}
