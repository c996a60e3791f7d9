// Operations whose sizes are operands that follow from constants.
module {
func.func public @main() -> (tensor<4x5xi32>, tensor<2xi32>, tensor<2x2xi32>, tensor<1x1x4xf32>,
                             tensor<4x5xi32>, tensor<2xi32>, tensor<2x2xi32>, tensor<1x1x4xf32>) {
  %x = stablehlo.constant dense<[[1, 2], [3, 4]]> : tensor<2x2xi32>
  %fill = stablehlo.constant dense<-1> : tensor<i32>
  %one = stablehlo.constant dense<1> : tensor<2xi64>
  %low = stablehlo.constant dense<[1, 0]> : tensor<2xi64>
  %high = stablehlo.add %low, %one : tensor<2xi64>
  %within = stablehlo.constant dense<[0, 2]> : tensor<2xi64>
  %padded = stablehlo.dynamic_pad %x, %fill, %low, %high, %within
    : (tensor<2x2xi32>, tensor<i32>, tensor<2xi64>, tensor<2xi64>, tensor<2xi64>) -> tensor<5x5xi32>
  %cut = stablehlo.slice %padded [0:4, 0:5] : (tensor<5x5xi32>) -> tensor<4x5xi32>

  %line = stablehlo.constant dense<[10, 11, 12, 13, 14]> : tensor<5xi32>
  %start = stablehlo.constant dense<1> : tensor<1xi64>
  %limit = stablehlo.constant dense<4> : tensor<1xi64>
  %stride = stablehlo.constant dense<2> : tensor<1xi64>
  %slice = stablehlo.real_dynamic_slice %line, %start, %limit, %stride
    : (tensor<5xi32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<2xi32>

  %indices = stablehlo.constant dense<[[3], [9]]> : tensor<2x1xi32>
  %sizes = stablehlo.constant dense<2> : tensor<1xi64>
  %gathered = "stablehlo.dynamic_gather"(%line, %indices, %sizes) {
    dimension_numbers = #stablehlo.gather<offset_dims = [1], start_index_map = [0], index_vector_dim = 1>
  } : (tensor<5xi32>, tensor<2x1xi32>, tensor<1xi64>) -> tensor<2x2xi32>

  %image = stablehlo.constant dense<[[[1.0, 2.0, 4.0]]]> : tensor<1x1x3xf32>
  %kernel = stablehlo.constant dense<[[[1.0, 10.0]]]> : tensor<1x1x2xf32>
  %ends = stablehlo.constant dense<[[1, 1]]> : tensor<1x2xi64>
  %convolved = "stablehlo.dynamic_conv"(%image, %kernel, %ends) {
    dimension_numbers = #stablehlo.conv<[b, f, 0]x[o, i, 0]->[b, f, 0]>,
    feature_group_count = 1 : i64, batch_group_count = 1 : i64
  } : (tensor<1x1x3xf32>, tensor<1x1x2xf32>, tensor<1x2xi64>) -> tensor<1x1x4xf32>

  %a = stablehlo.constant dense<[[-1, -1, -1, -1, -1], [1, -1, -1, 2, -1], [3, -1, -1, 4, -1], [-1, -1, -1, -1, -1]]> : tensor<4x5xi32>
  %b = stablehlo.constant dense<[11, 13]> : tensor<2xi32>
  %c = stablehlo.constant dense<[[13, 14], [13, 14]]> : tensor<2x2xi32>
  %d = stablehlo.constant dense<[[[10.0, 21.0, 42.0, 4.0]]]> : tensor<1x1x4xf32>
  return %cut, %slice, %gathered, %convolved, %a, %b, %c, %d
    : tensor<4x5xi32>, tensor<2xi32>, tensor<2x2xi32>, tensor<1x1x4xf32>,
      tensor<4x5xi32>, tensor<2xi32>, tensor<2x2xi32>, tensor<1x1x4xf32>
}
}
