#loc2 = loc("-":2:26)
module @accuracy {
  func.func public @main(%arg0: tensor<4xf32> loc("-":2:26)) -> tensor<4xf32> {
    %0 = stablehlo.exponential %arg0 {result_accuracy = #stablehlo.result_accuracy<rtol = 1.000000e-05, ulps = 3, mode = #stablehlo.result_accuracy_mode<TOLERANCE>>} : tensor<4xf32> loc(#loc3)
    %1 = stablehlo.sine %0 : tensor<4xf32> loc(#loc4)
    return %1 : tensor<4xf32> loc(#loc5)
  } loc(#loc1)
} loc(#loc)
#loc = loc("-":1:1)
#loc1 = loc("-":2:3)
#loc3 = loc("-":3:10)
#loc4 = loc("-":5:10)
#loc5 = loc("-":6:5)
