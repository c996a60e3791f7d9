module @jit_erfcx attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<f32>) -> (tensor<f32> {jax.result_info = "result"}) {
    %cst = stablehlo.constant dense<[6.562500e+00, -1.875000e+00, 7.500000e-01, -5.000000e-01, 1.000000e+00]> : tensor<5xf32>
    %cst_0 = stablehlo.constant dense<9.419280e+00> : tensor<f32>
    %0 = stablehlo.compare GT, %arg0, %cst_0, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %cst_1 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %1 = stablehlo.select %0, %cst_1, %arg0 : tensor<i1>, tensor<f32>
    %2 = chlo.square %1 : tensor<f32> -> tensor<f32>
    %3 = stablehlo.exponential %2 : tensor<f32>
    %4 = chlo.erfc %1 : tensor<f32> -> tensor<f32>
    %5 = stablehlo.multiply %3, %4 : tensor<f32>
    %6 = chlo.square %arg0 : tensor<f32> -> tensor<f32>
    %cst_2 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %7 = stablehlo.divide %cst_2, %6 : tensor<f32>
    %8 = call @polyval(%cst, %7) : (tensor<5xf32>, tensor<f32>) -> tensor<f32>
    %cst_3 = stablehlo.constant dense<1.7724539> : tensor<f32>
    %9 = stablehlo.multiply %arg0, %cst_3 : tensor<f32>
    %10 = stablehlo.divide %8, %9 : tensor<f32>
    %11 = stablehlo.select %0, %10, %5 : tensor<i1>, tensor<f32>
    return %11 : tensor<f32>
  }
  func.func private @polyval(%arg0: tensor<5xf32>, %arg1: tensor<f32>) -> tensor<f32> {
    %cst = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %0 = stablehlo.slice %arg0 [0:0] : (tensor<5xf32>) -> tensor<0xf32>
    %1 = stablehlo.slice %arg0 [0:5] : (tensor<5xf32>) -> tensor<5xf32>
    %2 = stablehlo.slice %1 [0:1] : (tensor<5xf32>) -> tensor<1xf32>
    %3 = stablehlo.reshape %2 : (tensor<1xf32>) -> tensor<f32>
    %4 = call @closed_call(%arg1, %cst, %3) : (tensor<f32>, tensor<f32>, tensor<f32>) -> tensor<f32>
    %5 = stablehlo.slice %1 [1:2] : (tensor<5xf32>) -> tensor<1xf32>
    %6 = stablehlo.reshape %5 : (tensor<1xf32>) -> tensor<f32>
    %7 = call @closed_call(%arg1, %4, %6) : (tensor<f32>, tensor<f32>, tensor<f32>) -> tensor<f32>
    %8 = stablehlo.slice %1 [2:3] : (tensor<5xf32>) -> tensor<1xf32>
    %9 = stablehlo.reshape %8 : (tensor<1xf32>) -> tensor<f32>
    %10 = call @closed_call(%arg1, %7, %9) : (tensor<f32>, tensor<f32>, tensor<f32>) -> tensor<f32>
    %11 = stablehlo.slice %1 [3:4] : (tensor<5xf32>) -> tensor<1xf32>
    %12 = stablehlo.reshape %11 : (tensor<1xf32>) -> tensor<f32>
    %13 = call @closed_call(%arg1, %10, %12) : (tensor<f32>, tensor<f32>, tensor<f32>) -> tensor<f32>
    %14 = stablehlo.slice %1 [4:5] : (tensor<5xf32>) -> tensor<1xf32>
    %15 = stablehlo.reshape %14 : (tensor<1xf32>) -> tensor<f32>
    %16 = call @closed_call(%arg1, %13, %15) : (tensor<f32>, tensor<f32>, tensor<f32>) -> tensor<f32>
    return %16 : tensor<f32>
  }
  func.func private @closed_call(%arg0: tensor<f32>, %arg1: tensor<f32>, %arg2: tensor<f32>) -> tensor<f32> {
    %0 = stablehlo.multiply %arg1, %arg0 : tensor<f32>
    %1 = stablehlo.add %0, %arg2 : tensor<f32>
    return %1 : tensor<f32>
  }
}

