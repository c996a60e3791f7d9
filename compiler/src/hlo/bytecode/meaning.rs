//! What VHLO calls the attributes of operations, in StableHLO's terms.
//!
//! VHLO has every attribute of an operation, spelled out and flat. StableHLO leaves out what is as usual, groups numbers of
//! axes in records, and has lists of numbers that are no arrays. The result is what the reader of text makes of the same
//! operation.
//!
//! Source: StableHLO, `transforms/VhloLegalizeToStablehlo.cpp`.

use crate::hlo::{Attribute, Attributes, Element};
use crate::types::{DType, Scalar};

/// The attributes of `stablehlo.{op}`, from those of VHLO's twin.
pub fn attributes(op: &str, found: Attributes) -> Attributes {
    let mut found = Attributes(
        found
            .0
            .into_iter()
            .map(|(name, value)| (renamed(&name).to_string(), spelled(op, &name, value)))
            .collect(),
    );
    for group in GROUPS.iter().filter(|group| group.ops.contains(&op)) {
        collect(&mut found, group);
    }
    // Tilings say how memory is laid out, and nothing about elements.
    found.0.retain(|(name, value)| name != "result_tilings" && !is_usual(op, name, value));
    found
}

/// Attributes of VHLO that are fields of one attribute.
struct Group {
    ops: &'static [&'static str],
    /// The one attribute.
    name: &'static str,
    record: &'static str,
    fields: &'static [&'static str],
    /// Fields that are left out where they are 0 or empty.
    elided: Elided,
}

enum Elided {
    None,
    /// Each by itself.
    Empty,
    /// `batching`: of both sides, or of none.
    Batching,
}

#[rustfmt::skip]
const GROUPS: &[Group] = &[
    Group {
        ops: &["dot_general"], name: "dot_dimension_numbers", record: "stablehlo.dot",
        fields: &["lhs_batching_dimensions", "rhs_batching_dimensions", "lhs_contracting_dimensions",
            "rhs_contracting_dimensions"],
        elided: Elided::Batching,
    },
    Group {
        ops: &["dot_general"], name: "algorithm", record: "stablehlo.dot_algorithm",
        fields: &["lhs_precision_type", "rhs_precision_type", "accumulation_type", "lhs_component_count",
            "rhs_component_count", "num_primitive_operations", "allow_imprecise_accumulation"],
        elided: Elided::None,
    },
    Group {
        ops: &["gather", "dynamic_gather"], name: "dimension_numbers", record: "stablehlo.gather",
        fields: &["offset_dims", "collapsed_slice_dims", "operand_batching_dims", "start_indices_batching_dims",
            "start_index_map", "index_vector_dim"],
        elided: Elided::Empty,
    },
    Group {
        ops: &["scatter"], name: "scatter_dimension_numbers", record: "stablehlo.scatter",
        fields: &["update_window_dims", "inserted_window_dims", "input_batching_dims", "scatter_indices_batching_dims",
            "scatter_dims_to_operand_dims", "index_vector_dim"],
        elided: Elided::Empty,
    },
    Group {
        ops: &["convolution", "dynamic_conv"], name: "dimension_numbers", record: "stablehlo.conv",
        fields: &["input_batch_dimension", "input_feature_dimension", "input_spatial_dimensions",
            "kernel_input_feature_dimension", "kernel_output_feature_dimension", "kernel_spatial_dimensions",
            "output_batch_dimension", "output_feature_dimension", "output_spatial_dimensions"],
        elided: Elided::None,
    },
    Group {
        ops: &["send", "recv", "all_gather", "all_reduce", "all_to_all", "collective_broadcast", "collective_permute",
            "reduce_scatter"],
        name: "channel_handle", record: "stablehlo.channel_handle",
        fields: &["handle", "type"],
        elided: Elided::None,
    },
];

fn collect(found: &mut Attributes, group: &Group) {
    let is_field = |name: &str| group.fields.contains(&name);
    let mut fields = Attributes::default();
    for name in group.fields {
        if let Some(value) = found.get(name) {
            fields.set(name, value.clone());
        }
    }
    found.0.retain(|(name, _)| !is_field(name));
    match group.elided {
        Elided::None => {}
        Elided::Empty => fields.0.retain(|(_, value)| !is_zero_or_empty(value)),
        Elided::Batching => {
            let is_batching = |name: &str| name.contains("batching");
            let is_empty = fields
                .0
                .iter()
                .filter(|(name, _)| is_batching(name))
                .all(|(_, value)| is_zero_or_empty(value));
            fields.0.retain(|(name, _)| !(is_empty && is_batching(name)));
        }
    }
    match group.record {
        // Nothing asks for an algorithm.
        "stablehlo.dot_algorithm" if fields.0.iter().all(|(_, value)| is_none(value)) => return,
        // The number of no channel.
        "stablehlo.channel_handle" if fields.int("handle") == Some(0) && fields.get("type").is_none() => {
            return;
        }
        "stablehlo.channel_handle" if fields.get("type").is_none() => {
            fields.set("type", Attribute::i64(0));
        }
        _ => {}
    }
    found.set(group.name, Attribute::Record(group.record.into(), fields));
}

/// The names of VHLO that differ from those of the fields they become.
fn renamed(name: &str) -> &str {
    match name {
        "channel_id" => "handle",
        "channel_type" => "type",
        _ => name,
    }
}

/// The value as StableHLO spells it.
fn spelled(op: &str, name: &str, value: Attribute) -> Attribute {
    match (op, name, value) {
        ("constant", "value", value) => value,
        ("call", "callee", value) | ("composite", "decomposition", value) => as_symbol(value),
        ("custom_call", "called_computations", Attribute::List(items)) => {
            Attribute::List(items.into_iter().map(as_symbol).collect())
        }
        (_, "use_global_device_ids", Attribute::Bool(true)) => Attribute::Unit,
        (_, _, value) => as_numbers(value),
    }
}

fn as_symbol(value: Attribute) -> Attribute {
    match value {
        Attribute::Text(name) => match String::from_utf8(name) {
            Ok(name) => Attribute::Symbol(name),
            Err(error) => Attribute::Text(error.into_bytes()),
        },
        other => other,
    }
}

/// An array of rank 1 of numbers or flags is a list.
fn as_numbers(value: Attribute) -> Attribute {
    let Attribute::Dense(dense) = &value else { return value };
    let Element::Data(dtype @ (DType::I64 | DType::Bool)) = dense.ty.element else { return value };
    if dense.ty.extents.len() != 1 {
        return value;
    }
    let scalar = |x: i64| if dtype == DType::Bool { Scalar::Bool(x != 0) } else { Scalar::Int(x.into()) };
    match dense.ints() {
        Some(values) => Attribute::Numbers(dtype, values.into_iter().map(scalar).collect()),
        None => value,
    }
}

/// Is this what StableHLO takes the attribute to be where it is absent?
fn is_usual(op: &str, name: &str, value: &Attribute) -> bool {
    let is_false = matches!(value, Attribute::Bool(false));
    let is_empty = is_zero_or_empty(value);
    match (op, name) {
        (_, "result_accuracy") => is_default_accuracy(value),
        (_, "use_global_device_ids" | "indices_are_sorted" | "unique_indices" | "is_stable") => is_false,
        (_, "is_host_transfer" | "has_side_effect") | ("cholesky", "lower") => is_false,
        (_, "compare_type") => value.word() == Some("NOTYPE"),
        (_, "window_strides" | "window_dilations" | "base_dilations" | "lhs_dilation" | "rhs_dilation") => {
            is_all(value, 1)
        }
        (_, "padding" | "window_reversal") => is_all(value, 0),
        (_, "precision_config") => {
            matches!(value, Attribute::List(items) if items.iter().all(|item| item.word() == Some("DEFAULT")))
        }
        ("custom_call", "api_version") => value.int() == Some(1),
        ("custom_call", "backend_config") => is_empty && matches!(value, Attribute::Text(_)),
        (
            "custom_call",
            "called_computations" | "operand_layouts" | "result_layouts" | "output_operand_aliases",
        ) => is_empty,
        ("composite", "composite_attributes" | "version") => is_empty,
        ("infeed", "infeed_config" | "layout") | ("outfeed", "outfeed_config") => is_empty,
        (_, "known_expanding_dimensions" | "known_nonexpanding_dimensions") => is_empty,
        ("send" | "recv", "source_target_pairs") => is_empty,
        _ => false,
    }
}

/// Is the default the only thing that is said?
fn is_default_accuracy(value: &Attribute) -> bool {
    let Attribute::Record(_, fields) = value else { return false };
    matches!(fields.0.as_slice(), [(_, Attribute::Other(mode))] if mode.contains("DEFAULT"))
}

fn is_zero_or_empty(value: &Attribute) -> bool {
    match value {
        Attribute::Int(x, _) => *x == 0,
        Attribute::Numbers(_, values) => values.is_empty(),
        Attribute::List(items) => items.is_empty(),
        Attribute::Text(text) => text.is_empty(),
        Attribute::Dictionary(fields) => fields.0.is_empty(),
        Attribute::Dense(dense) => dense.ty.extents.contains(&Some(0)),
        Attribute::Unit
        | Attribute::Bool(_)
        | Attribute::Float(..)
        | Attribute::Symbol(_)
        | Attribute::Type(_)
        | Attribute::Enum { .. }
        | Attribute::Record(..)
        | Attribute::Other(_) => false,
    }
}

/// Numbers that are all equal to one, and at least one of them.
fn is_all(value: &Attribute, expected: i64) -> bool {
    value.ints().is_some_and(|values| !values.is_empty() && values.iter().all(|&value| value == expected))
}

/// `none`, VHLO's word for an absent attribute.
fn is_none(value: &Attribute) -> bool {
    matches!(value, Attribute::Type(crate::hlo::Type::None))
}
