// Operations under the names of MHLO and of older releases, functions and calls that are left out.
module {
func.func public @main() -> (tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2x2xf64>, tensor<2x2xi32>, tensor<1xf64>, tensor<3x2xf64>,
                             tensor<f64>, tensor<2xi64>, tensor<2x2xf64>, tensor<2xf64>,
                             tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2x2xf64>, tensor<2x2xi32>, tensor<1xf64>, tensor<3x2xf64>,
                             tensor<f64>, tensor<2xi64>, tensor<2x2xf64>, tensor<2xf64>) {
  %x = mhlo.constant dense<[0.25, -0.5]> : tensor<2xf64>
  %rows = stablehlo.constant dense<[[1.0, 3.0, 2.0], [6.0, 5.0, 4.0]]> : tensor<2x3xf64>
  %erf = mhlo.erf %x : tensor<2xf64>
  %tan = stablehlo.custom_call @mhlo.tan(%x) {mhlo.attributes = {}, mhlo.version = 1 : i64} : (tensor<2xf64>) -> tensor<2xf64>
  %asin = stablehlo.custom_call @mhlo.asin(%x) {mhlo.attributes = {}, mhlo.version = 1 : i64} : (tensor<2xf64>) -> tensor<2xf64>
  %top, %places = mhlo.topk(%rows, k = 2) : tensor<2x3xf64> -> (tensor<2x2xf64>, tensor<2x2xi32>)
  %line = stablehlo.constant dense<[4.0, 8.0]> : tensor<2xf64>
  %first:2 = stablehlo.custom_call @mhlo.topk(%line) {mhlo.attributes = {k = 1 : i64, largest = true}, mhlo.version = 1 : i64}
    : (tensor<2xf64>) -> (tensor<1xf64>, tensor<1xi32>)
  %copy = mhlo.copy %x : tensor<2xf64>
  %broadcast = "mhlo.broadcast"(%copy) {broadcast_sizes = dense<3> : tensor<1xi64>} : (tensor<2xf64>) -> tensor<3x2xf64>
  %zero = mhlo.constant dense<0.0> : tensor<f64>
  %sum = mhlo.reduce(%rows init: %zero) applies mhlo.add across dimensions = [0, 1] : (tensor<2x3xf64>, tensor<f64>) -> tensor<f64>
  %numbers = arith.constant dense<[7, 9]> : tensor<2xi64>
  %size = stablehlo.constant dense<2> : tensor<i32>
  %sized = stablehlo.set_dimension_size %top, %size, dim = 1 : (tensor<2x2xf64>, tensor<i32>) -> tensor<2x2xf64>
  stablehlo.custom_call @xla_ffi_python_cpu_callback(%x) {api_version = 4 : i32, has_side_effect = true, mhlo.backend_config = {index = 0 : ui64}} : (tensor<2xf64>) -> ()
  %nothing = stablehlo.custom_call @xla_python_cpu_callback(%x) {api_version = 2 : i32, has_side_effect = true} : (tensor<2xf64>) -> tuple<>
  %matrix0 = stablehlo.constant dense<[[1.0, 2.0], [0.0, 3.0]]> : tensor<2x2xf64>
  %square = stablehlo.custom_call @Qr(%matrix0) : (tensor<2x2xf64>) -> tuple<tensor<2x2xf64>, tensor<2xf64>>
  %scale = stablehlo.get_tuple_element %square[1] : (tuple<tensor<2x2xf64>, tensor<2xf64>>) -> tensor<2xf64>

  %erf1 = chlo.erf %x : tensor<2xf64> -> tensor<2xf64>
  %tan1 = stablehlo.tan %x : tensor<2xf64>
  %asin1 = chlo.asin %x : tensor<2xf64> -> tensor<2xf64>
  %top1 = stablehlo.constant dense<[[3.0, 2.0], [6.0, 5.0]]> : tensor<2x2xf64>
  %places1 = stablehlo.constant dense<[[1, 2], [0, 1]]> : tensor<2x2xi32>
  %first1 = stablehlo.constant dense<8.0> : tensor<1xf64>
  %broadcast1 = stablehlo.constant dense<[[0.25, -0.5], [0.25, -0.5], [0.25, -0.5]]> : tensor<3x2xf64>
  %sum1 = stablehlo.constant dense<21.0> : tensor<f64>
  %numbers1 = stablehlo.constant dense<[7, 9]> : tensor<2xi64>
  %scale1 = stablehlo.constant dense<[0.0, 0.0]> : tensor<2xf64>
  return %erf, %tan, %asin, %top, %places, %first#0, %broadcast, %sum, %numbers, %sized, %scale,
         %erf1, %tan1, %asin1, %top1, %places1, %first1, %broadcast1, %sum1, %numbers1, %top1, %scale1
    : tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2x2xf64>, tensor<2x2xi32>, tensor<1xf64>, tensor<3x2xf64>,
      tensor<f64>, tensor<2xi64>, tensor<2x2xf64>, tensor<2xf64>,
      tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2x2xf64>, tensor<2x2xi32>, tensor<1xf64>, tensor<3x2xf64>,
      tensor<f64>, tensor<2xi64>, tensor<2x2xf64>, tensor<2xf64>
}
func.func @setup() {
  "quantum.init"() : () -> ()
  return
}
}
