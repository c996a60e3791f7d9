module @jit__lambda attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<f32>) -> (tensor<f32> {jax.result_info = "result"}) {
    %cst = stablehlo.constant dense<[1.64762948E-9, -1.52275476E-7, 8.42474855E-6, -3.12069315E-4, 0.00724472757, -0.0922805592, 0.52359879]> : tensor<7xf32>
    %cst_0 = stablehlo.constant dense<[1.4168025E-8, -1.1572314E-6, 5.38722343E-5, -0.00160438183, 0.0281848907, -0.24673982, 1.000000e+00]> : tensor<7xf32>
    %cst_1 = stablehlo.constant dense<[-1.90300986E+12, 1.35594238E+11, -4.15814323E+9, 0x4C8C12A3, -873235.687, 8560.51563, -103.287758, 2.99940181]> : tensor<8xf32>
    %cst_2 = stablehlo.constant dense<[-1.86084393E+11, 1.27835064E+10, 0xCDB4371B, 6492611.5, -77877.8984, 860.293151, -14.9343939, 0.999984204]> : tensor<8xf32>
    %0 = stablehlo.abs %arg0 : tensor<f32>
    %1 = stablehlo.multiply %0, %0 : tensor<f32>
    %2 = stablehlo.multiply %1, %1 : tensor<f32>
    %3 = stablehlo.multiply %0, %1 : tensor<f32>
    %4 = call @polyval(%cst, %2) : (tensor<7xf32>, tensor<f32>) -> tensor<f32>
    %5 = stablehlo.multiply %3, %4 : tensor<f32>
    %6:2 = call @sincospisquaredhalf(%0) : (tensor<f32>) -> (tensor<f32>, tensor<f32>)
    %cst_3 = stablehlo.constant dense<3.14159274> : tensor<f32>
    %7 = stablehlo.multiply %cst_3, %1 : tensor<f32>
    %8 = stablehlo.multiply %7, %7 : tensor<f32>
    %cst_4 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %9 = stablehlo.divide %cst_4, %8 : tensor<f32>
    %cst_5 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %10 = stablehlo.divide %cst_5, %7 : tensor<f32>
    %11 = call @polyval_1(%cst_1, %9) : (tensor<8xf32>, tensor<f32>) -> tensor<f32>
    %12 = stablehlo.multiply %9, %11 : tensor<f32>
    %cst_6 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %13 = stablehlo.subtract %cst_6, %12 : tensor<f32>
    %14 = call @polyval_1(%cst_2, %9) : (tensor<8xf32>, tensor<f32>) -> tensor<f32>
    %15 = stablehlo.multiply %10, %14 : tensor<f32>
    %cst_7 = stablehlo.constant dense<3.14159274> : tensor<f32>
    %16 = stablehlo.multiply %cst_7, %0 : tensor<f32>
    %17 = stablehlo.multiply %13, %6#1 : tensor<f32>
    %18 = stablehlo.multiply %15, %6#0 : tensor<f32>
    %19 = stablehlo.add %17, %18 : tensor<f32>
    %20 = stablehlo.divide %19, %16 : tensor<f32>
    %cst_8 = stablehlo.constant dense<5.000000e-01> : tensor<f32>
    %21 = stablehlo.subtract %cst_8, %20 : tensor<f32>
    %22 = call @isinf(%arg0) : (tensor<f32>) -> tensor<i1>
    %cst_9 = stablehlo.constant dense<2.562500e+00> : tensor<f32>
    %23 = stablehlo.compare LT, %1, %cst_9, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %cst_10 = stablehlo.constant dense<3.697400e+04> : tensor<f32>
    %24 = stablehlo.compare GT, %0, %cst_10, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %cst_11 = stablehlo.constant dense<5.000000e-01> : tensor<f32>
    %25 = call @_where_0(%24, %cst_11, %21) : (tensor<i1>, tensor<f32>, tensor<f32>) -> tensor<f32>
    %26 = call @_where(%23, %5, %25) : (tensor<i1>, tensor<f32>, tensor<f32>) -> tensor<f32>
    %cst_12 = stablehlo.constant dense<5.000000e-01> : tensor<f32>
    %27 = call @_where_0(%22, %cst_12, %26) : (tensor<i1>, tensor<f32>, tensor<f32>) -> tensor<f32>
    %cst_13 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %28 = stablehlo.compare LT, %arg0, %cst_13, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %29 = stablehlo.negate %27 : tensor<f32>
    %30 = call @_where(%28, %29, %27) : (tensor<i1>, tensor<f32>, tensor<f32>) -> tensor<f32>
    return %30 : tensor<f32>
  }
  func.func private @polyval(%arg0: tensor<7xf32>, %arg1: tensor<f32>) -> tensor<f32> {
    %0 = stablehlo.slice %arg0 [6:7] : (tensor<7xf32>) -> tensor<1xf32>
    %1 = stablehlo.reshape %0 : (tensor<1xf32>) -> tensor<f32>
    %2 = stablehlo.slice %arg0 [5:6] : (tensor<7xf32>) -> tensor<1xf32>
    %3 = stablehlo.reshape %2 : (tensor<1xf32>) -> tensor<f32>
    %4 = stablehlo.slice %arg0 [4:5] : (tensor<7xf32>) -> tensor<1xf32>
    %5 = stablehlo.reshape %4 : (tensor<1xf32>) -> tensor<f32>
    %6 = stablehlo.slice %arg0 [3:4] : (tensor<7xf32>) -> tensor<1xf32>
    %7 = stablehlo.reshape %6 : (tensor<1xf32>) -> tensor<f32>
    %8 = stablehlo.slice %arg0 [2:3] : (tensor<7xf32>) -> tensor<1xf32>
    %9 = stablehlo.reshape %8 : (tensor<1xf32>) -> tensor<f32>
    %10 = stablehlo.slice %arg0 [1:2] : (tensor<7xf32>) -> tensor<1xf32>
    %11 = stablehlo.reshape %10 : (tensor<1xf32>) -> tensor<f32>
    %12 = stablehlo.slice %arg0 [0:1] : (tensor<7xf32>) -> tensor<1xf32>
    %13 = stablehlo.reshape %12 : (tensor<1xf32>) -> tensor<f32>
    %14 = stablehlo.multiply %13, %arg1 : tensor<f32>
    %15 = stablehlo.add %14, %11 : tensor<f32>
    %16 = stablehlo.multiply %15, %arg1 : tensor<f32>
    %17 = stablehlo.add %16, %9 : tensor<f32>
    %18 = stablehlo.multiply %17, %arg1 : tensor<f32>
    %19 = stablehlo.add %18, %7 : tensor<f32>
    %20 = stablehlo.multiply %19, %arg1 : tensor<f32>
    %21 = stablehlo.add %20, %5 : tensor<f32>
    %22 = stablehlo.multiply %21, %arg1 : tensor<f32>
    %23 = stablehlo.add %22, %3 : tensor<f32>
    %24 = stablehlo.multiply %23, %arg1 : tensor<f32>
    %25 = stablehlo.add %24, %1 : tensor<f32>
    return %25 : tensor<f32>
  }
  func.func private @sincospisquaredhalf(%arg0: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
    %0 = stablehlo.abs %arg0 : tensor<f32>
    %cst = stablehlo.constant dense<2.000000e+00> : tensor<f32>
    %1 = call @fmod(%0, %cst) : (tensor<f32>, tensor<f32>) -> tensor<f32>
    %cst_0 = stablehlo.constant dense<2.000000e+00> : tensor<f32>
    %2 = stablehlo.divide %1, %cst_0 : tensor<f32>
    %3 = stablehlo.subtract %0, %2 : tensor<f32>
    %4 = stablehlo.multiply %1, %3 : tensor<f32>
    %cst_1 = stablehlo.constant dense<2.000000e+00> : tensor<f32>
    %5 = call @fmod(%4, %cst_1) : (tensor<f32>, tensor<f32>) -> tensor<f32>
    %cst_2 = stablehlo.constant dense<5.000000e-01> : tensor<f32>
    %6 = stablehlo.compare LT, %5, %cst_2, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %cst_3 = stablehlo.constant dense<3.14159274> : tensor<f32>
    %7 = stablehlo.multiply %cst_3, %5 : tensor<f32>
    %8 = stablehlo.sine %7 : tensor<f32>
    %cst_4 = stablehlo.constant dense<1.500000e+00> : tensor<f32>
    %9 = stablehlo.compare GT, %5, %cst_4, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %cst_5 = stablehlo.constant dense<2.000000e+00> : tensor<f32>
    %10 = stablehlo.subtract %5, %cst_5 : tensor<f32>
    %cst_6 = stablehlo.constant dense<3.14159274> : tensor<f32>
    %11 = stablehlo.multiply %cst_6, %10 : tensor<f32>
    %12 = stablehlo.sine %11 : tensor<f32>
    %cst_7 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %13 = stablehlo.subtract %5, %cst_7 : tensor<f32>
    %cst_8 = stablehlo.constant dense<3.14159274> : tensor<f32>
    %14 = stablehlo.multiply %cst_8, %13 : tensor<f32>
    %15 = stablehlo.sine %14 : tensor<f32>
    %16 = stablehlo.negate %15 : tensor<f32>
    %17 = call @_where(%9, %12, %16) : (tensor<i1>, tensor<f32>, tensor<f32>) -> tensor<f32>
    %18 = call @_where(%6, %8, %17) : (tensor<i1>, tensor<f32>, tensor<f32>) -> tensor<f32>
    %cst_9 = stablehlo.constant dense<5.000000e-01> : tensor<f32>
    %19 = stablehlo.compare EQ, %5, %cst_9, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %cst_10 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %20 = stablehlo.compare LT, %5, %cst_10, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %cst_11 = stablehlo.constant dense<5.000000e-01> : tensor<f32>
    %21 = stablehlo.subtract %5, %cst_11 : tensor<f32>
    %cst_12 = stablehlo.constant dense<3.14159274> : tensor<f32>
    %22 = stablehlo.multiply %cst_12, %21 : tensor<f32>
    %23 = stablehlo.sine %22 : tensor<f32>
    %24 = stablehlo.negate %23 : tensor<f32>
    %cst_13 = stablehlo.constant dense<1.500000e+00> : tensor<f32>
    %25 = stablehlo.subtract %5, %cst_13 : tensor<f32>
    %cst_14 = stablehlo.constant dense<3.14159274> : tensor<f32>
    %26 = stablehlo.multiply %cst_14, %25 : tensor<f32>
    %27 = stablehlo.sine %26 : tensor<f32>
    %28 = call @_where(%20, %24, %27) : (tensor<i1>, tensor<f32>, tensor<f32>) -> tensor<f32>
    %cst_15 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %29 = call @_where_0(%19, %cst_15, %28) : (tensor<i1>, tensor<f32>, tensor<f32>) -> tensor<f32>
    return %18, %29 : tensor<f32>, tensor<f32>
  }
  func.func private @fmod(%arg0: tensor<f32>, %arg1: tensor<f32>) -> tensor<f32> {
    %0 = stablehlo.convert %arg1 : tensor<f32>
    %1 = stablehlo.remainder %arg0, %0 : tensor<f32>
    return %1 : tensor<f32>
  }
  func.func private @_where(%arg0: tensor<i1>, %arg1: tensor<f32>, %arg2: tensor<f32>) -> tensor<f32> {
    %0 = stablehlo.select %arg0, %arg1, %arg2 : tensor<i1>, tensor<f32>
    return %0 : tensor<f32>
  }
  func.func private @_where_0(%arg0: tensor<i1>, %arg1: tensor<f32>, %arg2: tensor<f32>) -> tensor<f32> {
    %0 = stablehlo.convert %arg1 : tensor<f32>
    %1 = stablehlo.select %arg0, %0, %arg2 : tensor<i1>, tensor<f32>
    return %1 : tensor<f32>
  }
  func.func private @polyval_1(%arg0: tensor<8xf32>, %arg1: tensor<f32>) -> tensor<f32> {
    %0 = stablehlo.slice %arg0 [7:8] : (tensor<8xf32>) -> tensor<1xf32>
    %1 = stablehlo.reshape %0 : (tensor<1xf32>) -> tensor<f32>
    %2 = stablehlo.slice %arg0 [6:7] : (tensor<8xf32>) -> tensor<1xf32>
    %3 = stablehlo.reshape %2 : (tensor<1xf32>) -> tensor<f32>
    %4 = stablehlo.slice %arg0 [5:6] : (tensor<8xf32>) -> tensor<1xf32>
    %5 = stablehlo.reshape %4 : (tensor<1xf32>) -> tensor<f32>
    %6 = stablehlo.slice %arg0 [4:5] : (tensor<8xf32>) -> tensor<1xf32>
    %7 = stablehlo.reshape %6 : (tensor<1xf32>) -> tensor<f32>
    %8 = stablehlo.slice %arg0 [3:4] : (tensor<8xf32>) -> tensor<1xf32>
    %9 = stablehlo.reshape %8 : (tensor<1xf32>) -> tensor<f32>
    %10 = stablehlo.slice %arg0 [2:3] : (tensor<8xf32>) -> tensor<1xf32>
    %11 = stablehlo.reshape %10 : (tensor<1xf32>) -> tensor<f32>
    %12 = stablehlo.slice %arg0 [1:2] : (tensor<8xf32>) -> tensor<1xf32>
    %13 = stablehlo.reshape %12 : (tensor<1xf32>) -> tensor<f32>
    %14 = stablehlo.slice %arg0 [0:1] : (tensor<8xf32>) -> tensor<1xf32>
    %15 = stablehlo.reshape %14 : (tensor<1xf32>) -> tensor<f32>
    %16 = stablehlo.multiply %15, %arg1 : tensor<f32>
    %17 = stablehlo.add %16, %13 : tensor<f32>
    %18 = stablehlo.multiply %17, %arg1 : tensor<f32>
    %19 = stablehlo.add %18, %11 : tensor<f32>
    %20 = stablehlo.multiply %19, %arg1 : tensor<f32>
    %21 = stablehlo.add %20, %9 : tensor<f32>
    %22 = stablehlo.multiply %21, %arg1 : tensor<f32>
    %23 = stablehlo.add %22, %7 : tensor<f32>
    %24 = stablehlo.multiply %23, %arg1 : tensor<f32>
    %25 = stablehlo.add %24, %5 : tensor<f32>
    %26 = stablehlo.multiply %25, %arg1 : tensor<f32>
    %27 = stablehlo.add %26, %3 : tensor<f32>
    %28 = stablehlo.multiply %27, %arg1 : tensor<f32>
    %29 = stablehlo.add %28, %1 : tensor<f32>
    return %29 : tensor<f32>
  }
  func.func private @isinf(%arg0: tensor<f32>) -> tensor<i1> {
    %0 = stablehlo.abs %arg0 : tensor<f32>
    %cst = stablehlo.constant dense<0x7F800000> : tensor<f32>
    %1 = stablehlo.compare EQ, %0, %cst, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    return %1 : tensor<i1>
  }
}
