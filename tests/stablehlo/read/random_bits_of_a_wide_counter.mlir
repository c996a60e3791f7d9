// Philox with a counter of 128 bits in its state; what it should be is what XLA computes.
module {
func.func public @main() -> (tensor<3xui64>, tensor<3x5xui32>, tensor<3xui64>, tensor<5xui64>, tensor<3xui64>, tensor<7xui32>, tensor<3xui64>, tensor<3x5xui32>, tensor<3xui64>, tensor<5xui64>, tensor<3xui64>, tensor<7xui32>) {
  %state = stablehlo.constant dense<[81985529216486895, 18446744073709551614, 18446744073709551615]> : tensor<3xui64>
  %other = stablehlo.constant dense<[7, 5, 9]> : tensor<3xui64>
  %next, %bits = stablehlo.rng_bit_generator %state, algorithm =  PHILOX : (tensor<3xui64>) -> (tensor<3xui64>, tensor<3x5xui32>)
  %next1, %bits1 = stablehlo.rng_bit_generator %other, algorithm =  PHILOX : (tensor<3xui64>) -> (tensor<3xui64>, tensor<5xui64>)
  %next2, %bits2 = stablehlo.rng_bit_generator %other, algorithm =  DEFAULT : (tensor<3xui64>) -> (tensor<3xui64>, tensor<7xui32>)

  %want0 = stablehlo.constant dense<[81985529216486895, 2, 0]> : tensor<3xui64>
  %want1 = stablehlo.constant dense<[[1611416240, 2037320346, 2596739334, 2405912779, 764299035], [4118341641, 4152468536, 1789709759, 3092259374, 3314331723], [346529824, 2055536633, 2915701862, 1379798405, 1698698277]]> : tensor<3x5xui32>
  %want2 = stablehlo.constant dense<[7, 8, 9]> : tensor<3xui64>
  %want3 = stablehlo.constant dense<[11466387717696055722, 2213358460277787651, 17887022232982605774, 13091006060330550219, 8347227486405583360]> : tensor<5xui64>
  %want4 = stablehlo.constant dense<[7, 7, 9]> : tensor<3xui64>
  %want5 = stablehlo.constant dense<[2989287850, 2669726432, 4051078147, 515337674, 2389790670, 4164646899, 444400587]> : tensor<7xui32>
  return %next, %bits, %next1, %bits1, %next2, %bits2, %want0, %want1, %want2, %want3, %want4, %want5
    : tensor<3xui64>, tensor<3x5xui32>, tensor<3xui64>, tensor<5xui64>, tensor<3xui64>, tensor<7xui32>, tensor<3xui64>, tensor<3x5xui32>, tensor<3xui64>, tensor<5xui64>, tensor<3xui64>, tensor<7xui32>
}
}
