#loc2 = loc("-":2:26)
#loc4 = loc("-":5:12)
#loc5 = loc("-":5:29)
module @collectives {
  func.func public @main(%arg0: tensor<4xf32> loc("-":2:26)) -> tensor<4xf32> {
    %0 = "stablehlo.all_reduce"(%arg0) <{channel_handle = #stablehlo.channel_handle<handle = 1, type = 0>, replica_groups = dense<[[0, 1]]> : tensor<1x2xi64>, use_global_device_ids}> ({
    ^bb0(%arg1: tensor<f32> loc("-":5:12), %arg2: tensor<f32> loc("-":5:29)):
      %2 = stablehlo.add %arg1, %arg2 : tensor<f32> loc(#loc6)
      stablehlo.return %2 : tensor<f32> loc(#loc7)
    }) : (tensor<4xf32>) -> tensor<4xf32> loc(#loc3)
    %1 = "stablehlo.collective_permute"(%0) <{source_target_pairs = dense<[[0, 1], [1, 0]]> : tensor<2x2xi64>}> : (tensor<4xf32>) -> tensor<4xf32> loc(#loc8)
    return %1 : tensor<4xf32> loc(#loc9)
  } loc(#loc1)
} loc(#loc)
#loc = loc("-":1:1)
#loc1 = loc("-":2:3)
#loc3 = loc("-":3:10)
#loc6 = loc("-":6:14)
#loc7 = loc("-":7:9)
#loc8 = loc("-":9:10)
#loc9 = loc("-":11:5)
