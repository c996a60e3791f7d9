#loc2 = loc("-":2:26)
#loc3 = loc("-":2:47)
module @norms {
  func.func public @main(%arg0: tensor<2x3xf32> loc("-":2:26), %arg1: tensor<3xf32> loc("-":2:47)) -> tensor<2x3xf32> {
    %output, %batch_mean, %batch_var = "stablehlo.batch_norm_training"(%arg0, %arg1, %arg1) <{epsilon = 1.000000e-03 : f32, feature_index = 1 : i64}> : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>) loc(#loc4)
    %0 = "stablehlo.batch_norm_inference"(%output, %arg1, %arg1, %batch_mean, %batch_var) <{epsilon = 1.000000e-03 : f32, feature_index = 1 : i64}> : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3xf32> loc(#loc5)
    return %0 : tensor<2x3xf32> loc(#loc6)
  } loc(#loc1)
} loc(#loc)
#loc = loc("-":1:1)
#loc1 = loc("-":2:3)
#loc4 = loc("-":3:12)
#loc5 = loc("-":5:10)
#loc6 = loc("-":7:5)
