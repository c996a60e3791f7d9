// One scatter of two arrays, each with an operation of its own; an update that is out of range is left out.
module {
func.func public @main() -> (tensor<4xi32>, tensor<4xf32>, tensor<4xi32>, tensor<4xf32>) {
  %x = stablehlo.constant dense<[1, 2, 3, 4]> : tensor<4xi32>
  %y = stablehlo.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %indices = stablehlo.constant dense<[[1], [3], [1], [7]]> : tensor<4x1xi32>
  %u = stablehlo.constant dense<[10, 20, 30, 40]> : tensor<4xi32>
  %v = stablehlo.constant dense<[0.5, 2.0, 4.0, 8.0]> : tensor<4xf32>
  %scattered:2 = "stablehlo.scatter"(%x, %y, %indices, %u, %v) ({
  ^bb0(%a: tensor<i32>, %b: tensor<f32>, %c: tensor<i32>, %d: tensor<f32>):
    %sum = stablehlo.add %c, %a : tensor<i32>
    %twice = stablehlo.add %d, %d : tensor<f32>
    %product = stablehlo.multiply %b, %twice : tensor<f32>
    stablehlo.return %sum, %product : tensor<i32>, tensor<f32>
  }) {scatter_dimension_numbers = #stablehlo.scatter<inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>}
    : (tensor<4xi32>, tensor<4xf32>, tensor<4x1xi32>, tensor<4xi32>, tensor<4xf32>) -> (tensor<4xi32>, tensor<4xf32>)
  %a = stablehlo.constant dense<[1, 42, 3, 24]> : tensor<4xi32>
  %b = stablehlo.constant dense<[1.0, 16.0, 3.0, 16.0]> : tensor<4xf32>
  return %scattered#0, %scattered#1, %a, %b : tensor<4xi32>, tensor<4xf32>, tensor<4xi32>, tensor<4xf32>
}
}
