#loc2 = loc("-":2:26)
module @custom {
  func.func public @main(%arg0: tensor<2x3xf32> loc("-":2:26)) -> tensor<2x3xf32> {
    %0 = stablehlo.custom_call @target(%arg0) {api_version = 2 : i32, backend_config = "some\00bytes", has_side_effect = true, operand_layouts = [dense<[0, 1]> : tensor<2xindex>], output_operand_aliases = [#stablehlo.output_operand_alias<output_tuple_indices = [], operand_index = 0, operand_tuple_indices = []>], result_layouts = [dense<[1, 0]> : tensor<2xindex>]} : (tensor<2x3xf32>) -> tensor<2x3xf32> loc(#loc3)
    return %0 : tensor<2x3xf32> loc(#loc4)
  } loc(#loc1)
} loc(#loc)
#loc = loc("-":1:1)
#loc1 = loc("-":2:3)
#loc3 = loc("-":3:10)
#loc4 = loc("-":7:5)
