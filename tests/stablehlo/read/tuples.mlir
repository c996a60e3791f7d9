// Tuples that are made and taken apart, one within the other.
module {
func.func public @main() -> (tensor<2xf32>, tensor<i32>, tensor<2xf32>, tensor<i32>) {
  %x = stablehlo.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %i = stablehlo.constant dense<3> : tensor<i32>
  %inner = stablehlo.tuple %i : tuple<tensor<i32>>
  %outer = stablehlo.tuple %x, %inner : tuple<tensor<2xf32>, tuple<tensor<i32>>>
  %y = stablehlo.get_tuple_element %outer[0] : (tuple<tensor<2xf32>, tuple<tensor<i32>>>) -> tensor<2xf32>
  %again = stablehlo.get_tuple_element %outer[1] : (tuple<tensor<2xf32>, tuple<tensor<i32>>>) -> tuple<tensor<i32>>
  %j = stablehlo.get_tuple_element %again[0] : (tuple<tensor<i32>>) -> tensor<i32>
  return %y, %j, %x, %i : tensor<2xf32>, tensor<i32>, tensor<2xf32>, tensor<i32>
}
}
