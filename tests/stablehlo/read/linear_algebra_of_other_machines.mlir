// The calls that JAX makes where there is no LAPACK. Arrays are by rows, pivots count from 0.
module {
func.func public @main() -> (tensor<2x2xf32>, tensor<2xi32>, tensor<2xi32>, tensor<2x1xf32>, tensor<1xf32>, tensor<2x1xf32>, tensor<2xf32>, tensor<2x2xf32>, tensor<2xi32>, tensor<2xi32>, tensor<2x1xf32>, tensor<1xf32>, tensor<2x1xf32>, tensor<2xf32>) {
  %a = stablehlo.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %lu:3 = stablehlo.custom_call @LuDecomposition(%a) {api_version = 2 : i32, backend_config = ""} : (tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2xi32>, tensor<2xi32>)
  %b = stablehlo.constant dense<[[3.0], [4.0]]> : tensor<2x1xf32>
  %qr:2 = stablehlo.custom_call @Qr(%b) {backend_config = ""} : (tensor<2x1xf32>) -> (tensor<2x1xf32>, tensor<1xf32>)
  %q = stablehlo.custom_call @ProductOfElementaryHouseholderReflectors(%qr#0, %qr#1) {backend_config = ""} : (tensor<2x1xf32>, tensor<1xf32>) -> tensor<2x1xf32>
  %s = stablehlo.constant dense<[[2.0, 0.0], [5.0, 1.0]]> : tensor<2x2xf32>
  %eigh:2 = stablehlo.custom_call @Eigh(%s) {backend_config = "0,1,100,1e-6"} : (tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2xf32>)
  %factors = stablehlo.constant dense<[[3.0, 4.0], [0.33333334, 0.6666667]]> : tensor<2x2xf32>
  %pivots = stablehlo.constant dense<[1, 1]> : tensor<2xi32>
  %permutation = stablehlo.constant dense<[1, 0]> : tensor<2xi32>
  %packed = stablehlo.constant dense<[[-5.0], [0.5]]> : tensor<2x1xf32>
  %tau = stablehlo.constant dense<[1.6]> : tensor<1xf32>
  %basis = stablehlo.constant dense<[[-0.6], [-0.8]]> : tensor<2x1xf32>
  %values = stablehlo.constant dense<[1.0, 2.0]> : tensor<2xf32>
  return %lu#0, %lu#1, %lu#2, %qr#0, %qr#1, %q, %eigh#1, %factors, %pivots, %permutation, %packed, %tau, %basis, %values : tensor<2x2xf32>, tensor<2xi32>, tensor<2xi32>, tensor<2x1xf32>, tensor<1xf32>, tensor<2x1xf32>, tensor<2xf32>, tensor<2x2xf32>, tensor<2xi32>, tensor<2xi32>, tensor<2x1xf32>, tensor<1xf32>, tensor<2x1xf32>, tensor<2xf32>
}
}
