// Start values that are not neutral, and reducers that are no single operation.
module {
func.func public @main() -> (tensor<2xi32>, tensor<i1>, tensor<f32>, tensor<i32>, tensor<3xi32>,
                             tensor<2xi32>, tensor<i1>, tensor<f32>, tensor<i32>, tensor<3xi32>) {
  %x = stablehlo.constant dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi32>
  %ten = stablehlo.constant dense<10> : tensor<i32>
  %sums = stablehlo.reduce(%x init: %ten) applies stablehlo.add across dimensions = [1] : (tensor<2x3xi32>, tensor<i32>) -> tensor<2xi32>

  %true = stablehlo.constant dense<true> : tensor<i1>
  %none = stablehlo.constant dense<false> : tensor<3xi1>
  %any = stablehlo.reduce(%none init: %true) applies stablehlo.or across dimensions = [0] : (tensor<3xi1>, tensor<i1>) -> tensor<i1>

  // The last of the greatest elements, and its position.
  %y = stablehlo.constant dense<[1.0, 7.0, 7.0, 2.0]> : tensor<4xf32>
  %positions = stablehlo.iota dim = 0 : tensor<4xi32>
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %last = stablehlo.constant dense<-1> : tensor<i32>
  %found:2 = stablehlo.reduce(%y init: %zero), (%positions init: %last) across dimensions = [0]
    : (tensor<4xf32>, tensor<4xi32>, tensor<f32>, tensor<i32>) -> (tensor<f32>, tensor<i32>)
    reducer(%a: tensor<f32>, %b: tensor<f32>) (%i: tensor<i32>, %j: tensor<i32>) {
      %keep = stablehlo.compare GT, %a, %b, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
      %value = stablehlo.select %keep, %a, %b : tensor<i1>, tensor<f32>
      %at = stablehlo.select %keep, %i, %j : tensor<i1>, tensor<i32>
      stablehlo.return %value, %at : tensor<f32>, tensor<i32>
    }

  %z = stablehlo.constant dense<[1, 2, 4]> : tensor<3xi32>
  %hundred = stablehlo.constant dense<100> : tensor<i32>
  %windows = "stablehlo.reduce_window"(%z, %hundred) ({
  ^bb0(%a: tensor<i32>, %b: tensor<i32>):
    %sum = stablehlo.add %a, %b : tensor<i32>
    stablehlo.return %sum : tensor<i32>
  }) {window_dimensions = array<i64: 2>, padding = dense<[[1, 0]]> : tensor<1x2xi64>} : (tensor<3xi32>, tensor<i32>) -> tensor<3xi32>

  %a = stablehlo.constant dense<[16, 25]> : tensor<2xi32>
  %b = stablehlo.constant dense<7.0> : tensor<f32>
  %c = stablehlo.constant dense<2> : tensor<i32>
  // Padding is left out, as XLA does.
  %d = stablehlo.constant dense<[101, 103, 106]> : tensor<3xi32>
  return %sums, %any, %found#0, %found#1, %windows, %a, %true, %b, %c, %d
    : tensor<2xi32>, tensor<i1>, tensor<f32>, tensor<i32>, tensor<3xi32>,
      tensor<2xi32>, tensor<i1>, tensor<f32>, tensor<i32>, tensor<3xi32>
}
}
