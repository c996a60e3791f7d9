module @jit_elementwise attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<24x24xf32>, %arg1: tensor<32x24x24xf32>, %arg2: tensor<24x24xf32>) -> (tensor<f32> {jax.result_info = "result"}) {
    %cst = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %0 = stablehlo.broadcast_in_dim %cst, dims = [] : (tensor<f32>) -> tensor<32xf32>
    %c = stablehlo.constant dense<0> : tensor<i32>
    %1:5 = stablehlo.while(%iterArg = %arg1, %iterArg_1 = %arg0, %iterArg_2 = %c, %iterArg_3 = %arg2, %iterArg_4 = %0) : tensor<32x24x24xf32>, tensor<24x24xf32>, tensor<i32>, tensor<24x24xf32>, tensor<32xf32>
    cond {
      %c_5 = stablehlo.constant dense<32> : tensor<i32>
      %3 = stablehlo.compare LT, %iterArg_2, %c_5, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
      stablehlo.return %3 : tensor<i1>
    } do {
      %3 = func.call @dynamic_index_in_dim(%iterArg, %iterArg_2) : (tensor<32x24x24xf32>, tensor<i32>) -> tensor<24x24xf32>
      %4:2 = func.call @closed_call(%iterArg_1, %iterArg_3, %3) : (tensor<24x24xf32>, tensor<24x24xf32>, tensor<24x24xf32>) -> (tensor<24x24xf32>, tensor<f32>)
      %5 = func.call @dynamic_update_index_in_dim(%iterArg_4, %4#1, %iterArg_2) : (tensor<32xf32>, tensor<f32>, tensor<i32>) -> tensor<32xf32>
      %c_5 = stablehlo.constant dense<1> : tensor<i32>
      %6 = stablehlo.add %iterArg_2, %c_5 : tensor<i32>
      stablehlo.return %iterArg, %iterArg_1, %6, %4#0, %5 : tensor<32x24x24xf32>, tensor<24x24xf32>, tensor<i32>, tensor<24x24xf32>, tensor<32xf32>
    }
    %cst_0 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %2 = stablehlo.reduce(%1#4 init: %cst_0) applies stablehlo.add across dimensions = [0] : (tensor<32xf32>, tensor<f32>) -> tensor<f32>
    return %2 : tensor<f32>
  }
  func.func private @dynamic_index_in_dim(%arg0: tensor<32x24x24xf32>, %arg1: tensor<i32>) -> tensor<24x24xf32> {
    %c = stablehlo.constant dense<0> : tensor<i32>
    %c_0 = stablehlo.constant dense<0> : tensor<i32>
    %0 = stablehlo.dynamic_slice %arg0, %arg1, %c, %c_0, sizes = [1, 24, 24] : (tensor<32x24x24xf32>, tensor<i32>, tensor<i32>, tensor<i32>) -> tensor<1x24x24xf32>
    %1 = stablehlo.reshape %0 : (tensor<1x24x24xf32>) -> tensor<24x24xf32>
    return %1 : tensor<24x24xf32>
  }
  func.func private @closed_call(%arg0: tensor<24x24xf32>, %arg1: tensor<24x24xf32>, %arg2: tensor<24x24xf32>) -> (tensor<24x24xf32>, tensor<f32>) {
    %0 = stablehlo.negate %arg0 : tensor<24x24xf32>
    %1 = stablehlo.exponential %0 : tensor<24x24xf32>
    %2 = stablehlo.multiply %arg1, %1 : tensor<24x24xf32>
    %3 = stablehlo.multiply %arg2, %arg0 : tensor<24x24xf32>
    %4 = stablehlo.add %2, %3 : tensor<24x24xf32>
    %cst = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %5 = stablehlo.reduce(%4 init: %cst) applies stablehlo.add across dimensions = [0, 1] : (tensor<24x24xf32>, tensor<f32>) -> tensor<f32>
    return %4, %5 : tensor<24x24xf32>, tensor<f32>
  }
  func.func private @dynamic_update_index_in_dim(%arg0: tensor<32xf32>, %arg1: tensor<f32>, %arg2: tensor<i32>) -> tensor<32xf32> {
    %0 = stablehlo.broadcast_in_dim %arg1, dims = [] : (tensor<f32>) -> tensor<1xf32>
    %1 = stablehlo.dynamic_update_slice %arg0, %0, %arg2 : (tensor<32xf32>, tensor<1xf32>, tensor<i32>) -> tensor<32xf32>
    return %1 : tensor<32xf32>
  }
}
