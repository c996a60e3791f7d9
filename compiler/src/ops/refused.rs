//! Primitives of JAX that act on the world around the function: some are left out, the others are refused by name.

/// Primitives without results that only show values to somebody: leaving them out changes no result.
pub const IGNORED: &[&str] = &["debug_callback", "debug_print", "inspect_sharding"];

/// A group of primitives with one reason.
pub struct Refused {
    pub names: &'static [&'static str],
    /// What they do, to be read after the name.
    pub why: &'static str,
    /// What the user can do about it.
    pub hint: &'static str,
}

/// All that is known by name and has no meaning here.
pub const REFUSED: &[Refused] = &[
    Refused {
        names: &["ffi_call", "io_callback", "pure_callback"],
        why: "calls a function of the host, which the text does not contain",
        hint: "split the program: return the operands of the callback, and pass its results to a second function; \
               eqx.error_if makes none where EQX_ON_ERROR=nan is set as the text is printed",
    },
    Refused {
        names: &[
            "addupdate",
            "broadcast_to",
            "create_linear",
            "empty_ref",
            "freeze",
            "get",
            "new_ref",
            "run_state",
            "swap",
        ],
        why: "works on a mutable reference (`Ref`)",
        hint: "export the function without `jax.new_ref`, or use its StableHLO text, which has references lowered",
    },
    Refused {
        names: &["after_all", "create_token", "infeed", "outfeed"],
        why: "orders or makes side effects, which compiled functions do not have",
        hint: "export the function without ordered effects, infeeds and outfeeds",
    },
    Refused {
        names: &["all_gather_invariant", "pbroadcast", "pgather", "psum_invariant", "pvary", "shard_map"],
        why: "works on an axis of devices, of which there is one here",
        hint: "export the function for one device, with `vmap` in place of the axis",
    },
    Refused {
        names: &["check", "dce_sink", "stage", "unreachable"],
        why: "is a mark of a transformation of JAX that was not carried out",
        hint: "print the jaxpr of the transformed function, such as `checkify.checkify(f)`",
    },
    Refused {
        names: &["from_edtype", "to_edtype"],
        why: "converts an extended dtype, of which keys alone are known",
        hint: "use the StableHLO text of the same function, which has it lowered",
    },
    Refused {
        names: &["noinline"],
        why: "names a function of Python, which the text does not contain",
        hint: "use the StableHLO text of the same function, or call the function without `equinox.internal.noinline`",
    },
    Refused {
        names: &[
            "announce_jaxpr",
            "bcoo_conv_general_dilated",
            "bcoo_sort_indices",
            "bcoo_spdot_general",
            "bcoo_sum_duplicates",
            "bcsr_extract",
            "bcsr_fromdense",
            "cholesky_update",
            "philox2x32",
            "philox4x32",
            "remat_opt",
            "scaled_dot",
            "select_and_scatter",
            "symmetric_product",
            "threefry4x32",
            "todense",
            "xla_metadata_value",
        ],
        why: "is not supported yet",
        hint: "use the StableHLO text of the same function, which has it lowered",
    },
    Refused {
        names: &[
            "all_gather_done",
            "all_gather_reduced",
            "all_gather_reduced_start",
            "all_gather_start",
            "all_to_all_done",
            "all_to_all_start",
            "pbroadcast_done",
            "ppermute_done",
            "ppermute_start",
            "precv",
            "preduced",
            "psend",
            "psum_done",
            "psum_invariant_start",
            "psum_start",
            "ragged_all_to_all",
            "reduce_scatter_done",
            "reduce_scatter_start",
            "reduced_vary_cast",
            "unreduced_pmax",
            "unreduced_pmin",
            "unreduced_psum",
            "unreduced_psum_start",
            "unreduced_reduce_scatter",
            "unreduced_reduce_scatter_start",
            "vary_unreduced_cast",
        ],
        why: "works on an axis of devices, of which there is one here",
        hint: "export the function for one device, without `shard_map`",
    },
    Refused {
        names: &[
            "custom_partitioning",
            "global_array_to_host_local_array",
            "host_local_array_to_global_array",
            "layout_constraint",
            "pin",
            "relayout",
            "reshard",
            "unpin",
            "with_memory_space_constraint",
        ],
        why: "says where or how an array is stored, on machines with several memories or devices",
        hint: "export the function for one device, without constraints on layouts, memories and shardings",
    },
    Refused {
        names: &["dim_as_value", "dimension_size", "shape_assertion"],
        why: "depends on an extent that is not fixed",
        hint: "export the function for fixed sizes",
    },
    Refused {
        names: &["call_exported"],
        why: "calls an artifact, which the text does not contain",
        hint: "compile the artifact itself, or the StableHLO text of the function that calls it",
    },
    Refused {
        names: &[
            "CustomJVPTraced",
            "CustomVJPTraced",
            "Einshape",
            "Fusible",
            "OptRemat",
            "PrimalLeftTangentRight",
            "RematTraced",
            "Scan3",
        ],
        why: "has rules that the text does not contain",
        hint: "the StableHLO text of the same function has its values: `jax.jit(f).lower(*args).as_text()`",
    },
    Refused {
        names: &[
            "coo_fromdense",
            "coo_matmat",
            "coo_matvec",
            "coo_todense",
            "csr_fromdense",
            "csr_matmat",
            "csr_matvec",
            "csr_spmm",
            "csr_spmv",
            "csr_todense",
            "spsolve",
        ],
        why: "works on sparse matrices of one library",
        hint: "the StableHLO text of the same function has it lowered, or use `jax.experimental.sparse.BCOO`",
    },
    Refused {
        names: &[
            "dot_product_attention_bwd_wrapper",
            "dot_product_attention_fp8_bwd_wrapper",
            "dot_product_attention_fp8_fwd_wrapper",
            "dot_product_attention_fwd_wrapper",
            "scaled_matmul",
            "scaled_matmul_wrapper",
        ],
        why: "calls a library for GPUs",
        hint: "export the function for CPU, with `implementation='xla'`",
    },
    Refused {
        names: &["mpmd_map", "multiple_of", "pallas_call", "reciprocal", "run_scoped"],
        why: "is a kernel for one kind of machine, or a part of one",
        hint: "export the function with the kernel written in ordinary operations",
    },
];

/// The group of a primitive that is refused by name.
pub fn refused(name: &str) -> Option<&'static Refused> {
    REFUSED.iter().find(|group| group.names.contains(&name))
}
