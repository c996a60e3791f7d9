module @jit_sinc attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<f32>) -> (tensor<f32> {jax.result_info = "result"}) {
    %0 = call @sinc(%arg0) : (tensor<f32>) -> tensor<f32>
    return %0 : tensor<f32>
  }
  func.func private @sinc(%arg0: tensor<f32>) -> tensor<f32> {
    %0 = stablehlo.round_nearest_even %arg0 : tensor<f32>
    %1 = stablehlo.abs %arg0 : tensor<f32>
    %cst = stablehlo.constant dense<0x7F800000> : tensor<f32>
    %2 = stablehlo.compare EQ, %1, %cst, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %3 = stablehlo.subtract %arg0, %0 : tensor<f32>
    %c = stablehlo.constant dense<0> : tensor<i32>
    %4 = call @_where(%2, %c, %3) : (tensor<i1>, tensor<i32>, tensor<f32>) -> tensor<f32>
    %5 = stablehlo.multiply %4, %4 : tensor<f32>
    %cst_0 = stablehlo.constant dense<-1.64493406> : tensor<f32>
    %cst_1 = stablehlo.constant dense<0.811742424> : tensor<f32>
    %cst_2 = stablehlo.constant dense<-0.190751821> : tensor<f32>
    %cst_3 = stablehlo.constant dense<0.026147848> : tensor<f32>
    %cst_4 = stablehlo.constant dense<-0.00234608096> : tensor<f32>
    %cst_5 = stablehlo.constant dense<1.48428793E-4> : tensor<f32>
    %6 = stablehlo.multiply %cst_5, %5 : tensor<f32>
    %7 = stablehlo.add %6, %cst_4 : tensor<f32>
    %8 = stablehlo.multiply %7, %5 : tensor<f32>
    %9 = stablehlo.add %8, %cst_3 : tensor<f32>
    %10 = stablehlo.multiply %9, %5 : tensor<f32>
    %11 = stablehlo.add %10, %cst_2 : tensor<f32>
    %12 = stablehlo.multiply %11, %5 : tensor<f32>
    %13 = stablehlo.add %12, %cst_1 : tensor<f32>
    %14 = stablehlo.multiply %13, %5 : tensor<f32>
    %15 = stablehlo.add %14, %cst_0 : tensor<f32>
    %16 = stablehlo.multiply %5, %15 : tensor<f32>
    %cst_6 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %17 = stablehlo.add %cst_6, %16 : tensor<f32>
    %18 = stablehlo.multiply %4, %16 : tensor<f32>
    %19 = stablehlo.add %4, %18 : tensor<f32>
    %cst_7 = stablehlo.constant dense<5.000000e-01> : tensor<f32>
    %20 = stablehlo.multiply %cst_7, %0 : tensor<f32>
    %21 = stablehlo.round_nearest_even %20 : tensor<f32>
    %cst_8 = stablehlo.constant dense<2.000000e+00> : tensor<f32>
    %22 = stablehlo.multiply %cst_8, %21 : tensor<f32>
    %23 = stablehlo.compare NE, %22, %0, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %cst_9 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %24 = stablehlo.compare EQ, %0, %cst_9, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %25 = stablehlo.negate %arg0 : tensor<f32>
    %c_10 = stablehlo.constant dense<1> : tensor<i32>
    %26 = call @_where(%24, %c_10, %arg0) : (tensor<i1>, tensor<i32>, tensor<f32>) -> tensor<f32>
    %27 = call @_where_0(%23, %25, %26) : (tensor<i1>, tensor<f32>, tensor<f32>) -> tensor<f32>
    %28 = stablehlo.divide %19, %27 : tensor<f32>
    %cst_11 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %29 = stablehlo.compare EQ, %4, %cst_11, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %30 = stablehlo.subtract %28, %28 : tensor<f32>
    %31 = call @_where_0(%29, %30, %28) : (tensor<i1>, tensor<f32>, tensor<f32>) -> tensor<f32>
    %32 = call @_where_0(%24, %17, %31) : (tensor<i1>, tensor<f32>, tensor<f32>) -> tensor<f32>
    return %32 : tensor<f32>
  }
  func.func private @_where(%arg0: tensor<i1>, %arg1: tensor<i32>, %arg2: tensor<f32>) -> tensor<f32> {
    %0 = stablehlo.convert %arg1 : (tensor<i32>) -> tensor<f32>
    %1 = stablehlo.select %arg0, %0, %arg2 : tensor<i1>, tensor<f32>
    return %1 : tensor<f32>
  }
  func.func private @_where_0(%arg0: tensor<i1>, %arg1: tensor<f32>, %arg2: tensor<f32>) -> tensor<f32> {
    %0 = stablehlo.select %arg0, %arg1, %arg2 : tensor<i1>, tensor<f32>
    return %0 : tensor<f32>
  }
}
