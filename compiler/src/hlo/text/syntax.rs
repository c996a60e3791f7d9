//! The short forms of operations, as a table for the reader and for the printer: after the operands, some operations have
//! attributes in a spelling of their own, `stablehlo.transpose %0, dims = [1, 0]`. What is not in the table has
//! operands, a dictionary and types, or a form that only the reader's `special` knows.

/// One short form.
pub struct Row {
    pub name: &'static str,
    pub fields: &'static [Field],
}

/// `key = value` behind the operands.
pub struct Field {
    pub key: &'static str,
    /// The name in the generic form.
    pub attribute: &'static str,
    pub form: Form,
}

/// How a value is spelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// `[1, 0]` for `array<i64: 1, 0>`
    Numbers,
    /// `1` for `1 : i64`
    Number,
    Bool,
    /// `HIGHEST` for an enum of this kind
    Word(&'static str),
    /// `[HIGHEST, DEFAULT]` for a list of them
    Words(&'static str),
}

const fn field(key: &'static str, attribute: &'static str, form: Form) -> Field {
    Field { key, attribute, form }
}

const DIMS_OF_BROADCAST: &[Field] = &[field("dims", "broadcast_dimensions", Form::Numbers)];
const DIM: &[Field] = &[field("dim", "dimension", Form::Number)];
const TOP_K: &[Field] = &[field("k", "k", Form::Number), field("largest", "largest", Form::Bool)];
const DIM_OF_IOTA: &[Field] = &[field("dim", "iota_dimension", Form::Number)];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    Row { name: "stablehlo.broadcast_in_dim", fields: DIMS_OF_BROADCAST },
    Row { name: "stablehlo.dynamic_broadcast_in_dim", fields: DIMS_OF_BROADCAST },
    Row { name: "stablehlo.broadcast", fields: &[field("sizes", "broadcast_sizes", Form::Numbers)] },
    Row { name: "stablehlo.transpose", fields: &[field("dims", "permutation", Form::Numbers)] },
    Row { name: "stablehlo.reverse", fields: &[field("dims", "dimensions", Form::Numbers)] },
    Row { name: "stablehlo.iota", fields: DIM_OF_IOTA },
    Row { name: "stablehlo.dynamic_iota", fields: DIM_OF_IOTA },
    Row { name: "stablehlo.concatenate", fields: DIM },
    Row { name: "stablehlo.get_dimension_size", fields: DIM },
    Row { name: "stablehlo.set_dimension_size", fields: DIM },
    Row { name: "stablehlo.dynamic_slice", fields: &[field("sizes", "slice_sizes", Form::Numbers)] },
    Row { name: "stablehlo.pad", fields: &[
        field("low", "edge_padding_low", Form::Numbers),
        field("high", "edge_padding_high", Form::Numbers),
        field("interior", "interior_padding", Form::Numbers)] },
    Row { name: "stablehlo.fft", fields: &[
        field("type", "fft_type", Form::Word("fft_type")), field("length", "fft_length", Form::Numbers)] },
    Row { name: "stablehlo.rng", fields: &[
        field("distribution", "rng_distribution", Form::Word("rng_distribution"))] },
    Row { name: "stablehlo.rng_bit_generator", fields: &[
        field("algorithm", "rng_algorithm", Form::Word("rng_algorithm"))] },
    Row { name: "stablehlo.cholesky", fields: &[field("lower", "lower", Form::Bool)] },
    Row { name: "stablehlo.dot", fields: &[field("precision", "precision_config", Form::Words("precision"))] },
    Row { name: "chlo.top_k", fields: TOP_K },
    // MHLO's name for it.
    Row { name: "stablehlo.topk", fields: TOP_K },
];

/// The fields behind the operands of an operation; empty for most.
pub fn fields(name: &str) -> &'static [Field] {
    ROWS.iter().find(|row| row.name == name).map_or(&[], |row| row.fields)
}

/// What convolutions call the axes of their three arrays: the array, then the letters with their fields.
pub const CONVOLUTION: [(&str, [(&str, &str); 2]); 3] = [
    ("input", [("b", "batch"), ("f", "feature")]),
    ("kernel", [("i", "input_feature"), ("o", "output_feature")]),
    ("output", [("b", "batch"), ("f", "feature")]),
];
