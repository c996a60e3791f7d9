//! What the expansions compute, against numbers of JAX.

use crate::ir::Value;
use crate::ir::{Params, Program};
use crate::types::{Aval, DType};
use std::panic::{AssertUnwindSafe, catch_unwind};

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

/// Whatever types the operands and the written results have: a meaning or an error.
#[test]
fn no_types_break_an_expansion() {
    let name = |text: &str| Value::Name(text.into());
    let search = |method| {
        Params::new()
            .with("side", name("left"))
            .with("dimension", Value::Int(1))
            .with("batch_dims", Value::Int(1))
            .with("method", name(method))
    };
    let nonzero = axes([0]).with("size", Value::Int(2)).with("out_dtype", name("int32"));
    let info = Value::Record("SparseInfo".into(), vec![(Some("shape".into()), Value::tuple([3usize, 3]))]);
    let sparse = Params::new().with("spinfo", info);
    let sizes = [("nse", 3), ("n_batch", 0), ("n_dense", 0)];
    let from_dense =
        sizes.into_iter().fold(Params::new().with("index_dtype", name("int32")), |params, (key, size)| {
            params.with(key, Value::Int(size))
        });
    let expansions = [
        ("SearchSorted", search("scan")),
        ("SearchSorted", search("compare_all")),
        ("Nonzero", nonzero),
        ("log2", Params::new()),
        ("polynomial", Params::new()),
        ("Ldexp", Params::new()),
        ("Frexp", Params::new()),
        ("tie", Params::new()),
        ("psum", axes([0])),
        ("pmax", axes([0])),
        ("pmin", axes([0])),
        ("bcoo_todense", sparse.clone()),
        ("bcoo_extract", sparse.clone()),
        ("bcoo_fromdense", from_dense),
        ("bcoo_transpose", sparse.with("permutation", Value::tuple([1usize, 0]))),
        ("maybe_set", Params::new()),
        ("maybe_set", Params::new().with("makes_false_steps", true)),
    ];
    let shapes: [&[&[usize]]; 4] =
        [&[&[2, 3]], &[&[2, 3], &[2, 3]], &[&[3], &[3, 2]], &[&[], &[3], &[], &[]]];
    for (name, params) in &expansions {
        for shapes in shapes {
            for first in DType::all() {
                for other in DType::all() {
                    let dtype = |at| if at == 0 { first } else { other };
                    let operands: Vec<Aval> =
                        shapes.iter().enumerate().map(|(at, shape)| Aval::new(dtype(at), *shape)).collect();
                    let results = [Some(Aval::new(other, [2, 3]))];
                    let read = || _ = super::expanded(name, params, &operands, &results);
                    assert!(
                        catch_unwind(AssertUnwindSafe(read)).is_ok(),
                        "{name} of {operands:?}, {results:?}"
                    );
                }
            }
        }
    }
}
