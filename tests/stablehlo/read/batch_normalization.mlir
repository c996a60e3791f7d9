// Normalization over a batch; what it should be is what XLA computes.
module {
func.func public @main() -> (tensor<2x2x3xf64>, tensor<2x2x3xf64>, tensor<3xf64>, tensor<3xf64>, tensor<2x2x3xf64>, tensor<3xf64>, tensor<3xf64>, tensor<2x2x3xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2x2x3xf64>, tensor<2x2x3xf64>, tensor<3xf64>, tensor<3xf64>, tensor<2x2x3xf64>, tensor<3xf64>, tensor<3xf64>, tensor<2x2x3xf64>, tensor<2xf64>, tensor<2xf64>) {
  %x = stablehlo.constant dense<[[[1.0, 2.5, -3.0], [4.0, 0.5, 6.0]], [[-1.5, 2.0, 7.0], [0.25, -2.0, 1.0]]]> : tensor<2x2x3xf64>
  %ct = stablehlo.constant dense<[[[0.5, -1.0, 2.0], [1.5, 0.75, -0.5]], [[1.0, 3.0, -2.0], [0.125, 1.0, 2.0]]]> : tensor<2x2x3xf64>
  %scale = stablehlo.constant dense<[2.0, -0.5, 3.0]> : tensor<3xf64>
  %offset = stablehlo.constant dense<[1.0, 0.25, -1.0]> : tensor<3xf64>
  %mean = stablehlo.constant dense<[0.5, 1.0, 2.0]> : tensor<3xf64>
  %variance = stablehlo.constant dense<[2.0, 3.0, 0.5]> : tensor<3xf64>
  %inferred = "stablehlo.batch_norm_inference"(%x, %scale, %offset, %mean, %variance) <{epsilon = 1.0e-3 : f32, feature_index = 2 : i64}>
    : (tensor<2x2x3xf64>, tensor<3xf64>, tensor<3xf64>, tensor<3xf64>, tensor<3xf64>) -> tensor<2x2x3xf64>
  %trained:3 = "stablehlo.batch_norm_training"(%x, %scale, %offset) <{epsilon = 1.0e-3 : f32, feature_index = 2 : i64}>
    : (tensor<2x2x3xf64>, tensor<3xf64>, tensor<3xf64>) -> (tensor<2x2x3xf64>, tensor<3xf64>, tensor<3xf64>)
  %grad:3 = "stablehlo.batch_norm_grad"(%x, %scale, %trained#1, %trained#2, %ct) <{epsilon = 1.0e-3 : f32, feature_index = 2 : i64}>
    : (tensor<2x2x3xf64>, tensor<3xf64>, tensor<3xf64>, tensor<3xf64>, tensor<2x2x3xf64>) -> (tensor<2x2x3xf64>, tensor<3xf64>, tensor<3xf64>)
  %pair = stablehlo.constant dense<[2.0, -0.5]> : tensor<2xf64>
  %middle:3 = "stablehlo.batch_norm_training"(%x, %pair, %pair) <{epsilon = 1.0e-1 : f32, feature_index = 1 : i64}>
    : (tensor<2x2x3xf64>, tensor<2xf64>, tensor<2xf64>) -> (tensor<2x2x3xf64>, tensor<2xf64>, tensor<2xf64>)

  %want0 = stablehlo.constant dense<[[[1.7069300707465123, -0.1829405511423302, -22.192021998021062], [5.948510495225586, 0.3943135170474434, 15.953617598416848]], [[-1.8277202829860488, -0.03862703409488677, 20.19202199802106], [0.6465349646267439, 1.1158811022846602, -5.238404399604212]]]> : tensor<2x2x3xf64>
  %want1 = stablehlo.constant dense<[[[1.0628925842143646, -0.2499183873292951, -5.2873189606066475], [4.081736626503867, 0.3214169124756136, 1.4232672386037573]], [[-1.4528107843602207, -0.10708456237806796, 2.1688879274049135], [0.30818157364198895, 1.0355860372317496, -2.3048362054020233]]]> : tensor<2x2x3xf64>
  %want2 = stablehlo.constant dense<[0.9375, 0.75, 2.75]> : tensor<3xf64>
  %want3 = stablehlo.constant dense<[3.94921875, 3.0625, 16.1875]> : tensor<3xf64>
  %want4 = stablehlo.constant dense<[[[-0.29138152625744346, 0.515234500108239, -0.4518757991884998], [0.31338475111786857, 0.059026480296391085, 0.2878263512283327]], [[0.5463550391695756, -0.6165085076222167, -0.5412986961489878], [-0.5683582640300008, 0.04224752721758644, 0.7053481441091548]]]> : tensor<2x2x3xf64>
  %want5 = stablehlo.constant dense<[1.0573815721040054, -0.5356268435671019, -6.244573268709683]> : tensor<3xf64>
  %want6 = stablehlo.constant dense<[3.125, 3.75, 1.5]> : tensor<3xf64>
  %want7 = stablehlo.constant dense<[[[1.7916553629552066, 2.7292062296567776, -0.7084802815823155], [-0.9484659137387297, -0.28756877770270695, -1.3261214200450286]], [[0.22907058511925538, 2.4166892740895873, 5.54185882976149], [-0.24036183941441963, 0.18450060518016642, -0.38198265427928163]]]> : tensor<2x2x3xf64>
  %want8 = stablehlo.constant dense<[1.3333333333333333, 1.625]> : tensor<2xf64>
  %want9 = stablehlo.constant dense<[10.13888888888889, 6.911458333333334]> : tensor<2xf64>
  return %inferred, %trained#0, %trained#1, %trained#2, %grad#0, %grad#1, %grad#2, %middle#0, %middle#1, %middle#2, %want0, %want1, %want2, %want3, %want4, %want5, %want6, %want7, %want8, %want9
    : tensor<2x2x3xf64>, tensor<2x2x3xf64>, tensor<3xf64>, tensor<3xf64>, tensor<2x2x3xf64>, tensor<3xf64>, tensor<3xf64>, tensor<2x2x3xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2x2x3xf64>, tensor<2x2x3xf64>, tensor<3xf64>, tensor<3xf64>, tensor<2x2x3xf64>, tensor<3xf64>, tensor<3xf64>, tensor<2x2x3xf64>, tensor<2xf64>, tensor<2xf64>
}
}
