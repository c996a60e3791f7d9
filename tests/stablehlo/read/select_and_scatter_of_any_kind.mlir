// The last maximum instead of the first, products instead of sums, from another start value than zero, with padding.
module {
func.func public @main() -> (tensor<6xf32>, tensor<3xi32>, tensor<6xf32>, tensor<3xi32>) {
  %x = stablehlo.constant dense<[1.0, 3.0, 3.0, -1.0, -2.0, -2.0]> : tensor<6xf32>
  %source = stablehlo.constant dense<[2.0, 3.0, 5.0]> : tensor<3xf32>
  %start = stablehlo.constant dense<10.0> : tensor<f32>
  %result = "stablehlo.select_and_scatter"(%x, %source, %start) ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %keep = stablehlo.compare GT, %a, %b, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    stablehlo.return %keep : tensor<i1>
  }, {
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %product = stablehlo.multiply %a, %b : tensor<f32>
    stablehlo.return %product : tensor<f32>
  }) {window_dimensions = array<i64: 3>, window_strides = array<i64: 2>, padding = dense<[[0, 1]]> : tensor<1x2xi64>}
    : (tensor<6xf32>, tensor<3xf32>, tensor<f32>) -> tensor<6xf32>

  // Everything is at its least: padding is not selected before it.
  %least = stablehlo.constant dense<-2147483648> : tensor<3xi32>
  %ones = stablehlo.constant dense<[1, 2]> : tensor<2xi32>
  %zero = stablehlo.constant dense<0> : tensor<i32>
  %at_least = "stablehlo.select_and_scatter"(%least, %ones, %zero) ({
  ^bb0(%a: tensor<i32>, %b: tensor<i32>):
    %keep = stablehlo.compare GE, %a, %b, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.return %keep : tensor<i1>
  }, {
  ^bb0(%a: tensor<i32>, %b: tensor<i32>):
    %sum = stablehlo.add %a, %b : tensor<i32>
    stablehlo.return %sum : tensor<i32>
  }) {window_dimensions = array<i64: 2>, window_strides = array<i64: 2>, padding = dense<[[1, 0]]> : tensor<1x2xi64>}
    : (tensor<3xi32>, tensor<2xi32>, tensor<i32>) -> tensor<3xi32>

  %a = stablehlo.constant dense<[10.0, 10.0, 60.0, 10.0, 10.0, 50.0]> : tensor<6xf32>
  %b = stablehlo.constant dense<[1, 2, 0]> : tensor<3xi32>
  return %result, %at_least, %a, %b : tensor<6xf32>, tensor<3xi32>, tensor<6xf32>, tensor<3xi32>
}
}
