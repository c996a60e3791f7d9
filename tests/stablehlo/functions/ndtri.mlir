module @jit_ndtri attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<f32>) -> (tensor<f32> {jax.result_info = "result"}) {
    %cst = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %0 = stablehlo.compare LT, %arg0, %cst, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %cst_0 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %1 = stablehlo.compare GT, %arg0, %cst_0, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %2 = stablehlo.or %0, %1 : tensor<i1>
    %3 = stablehlo.compare NE, %arg0, %arg0, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %4 = stablehlo.or %2, %3 : tensor<i1>
    %cst_1 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %5 = stablehlo.compare EQ, %arg0, %cst_1, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %cst_2 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %6 = stablehlo.compare EQ, %arg0, %cst_2, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %7 = stablehlo.or %5, %6 : tensor<i1>
    %8 = stablehlo.or %4, %7 : tensor<i1>
    %cst_3 = stablehlo.constant dense<5.000000e-01> : tensor<f32>
    %9 = call @_where(%8, %cst_3, %arg0) : (tensor<i1>, tensor<f32>, tensor<f32>) -> tensor<f32>
    %cst_4 = stablehlo.constant dense<5.000000e-01> : tensor<f32>
    %10 = stablehlo.compare GT, %9, %cst_4, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %cst_5 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %11 = stablehlo.subtract %cst_5, %9 : tensor<f32>
    %12 = call @_where_0(%10, %11, %9) : (tensor<i1>, tensor<f32>, tensor<f32>) -> tensor<f32>
    %cst_6 = stablehlo.constant dense<5.000000e-01> : tensor<f32>
    %13 = stablehlo.subtract %9, %cst_6 : tensor<f32>
    %cst_7 = stablehlo.constant dense<2.000000e+00> : tensor<f32>
    %14 = stablehlo.multiply %cst_7, %13 : tensor<f32>
    %cst_8 = stablehlo.constant dense<2.000000e+00> : tensor<f32>
    %15 = stablehlo.multiply %cst_8, %12 : tensor<f32>
    %16 = stablehlo.abs %14 : tensor<f32>
    %cst_9 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %17 = stablehlo.add %cst_9, %16 : tensor<f32>
    %18 = stablehlo.multiply %15, %17 : tensor<f32>
    %19 = stablehlo.log %18 : tensor<f32>
    %20 = stablehlo.negate %19 : tensor<f32>
    %cst_10 = stablehlo.constant dense<3.500000e+00> : tensor<f32>
    %21 = stablehlo.compare LT, %20, %cst_10, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %cst_11 = stablehlo.constant dense<1.806250e+01> : tensor<f32>
    %22 = stablehlo.compare LT, %20, %cst_11, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %23 = stablehlo.not %21 : tensor<i1>
    %24 = stablehlo.convert %23 : (tensor<i1>) -> tensor<i32>
    %25 = stablehlo.not %22 : tensor<i1>
    %26 = stablehlo.convert %25 : (tensor<i1>) -> tensor<i32>
    %27 = stablehlo.add %24, %26 : tensor<i32>
    %cst_12 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %28 = stablehlo.select %21, %cst_12, %20 : tensor<i1>, tensor<f32>
    %29 = stablehlo.sqrt %28 : tensor<f32>
    %30 = stablehlo.bitcast_convert %29 : (tensor<f32>) -> tensor<ui32>
    %c = stablehlo.constant dense<4294963200> : tensor<ui32>
    %31 = stablehlo.and %30, %c : tensor<ui32>
    %32 = stablehlo.bitcast_convert %31 : (tensor<ui32>) -> tensor<f32>
    %33 = stablehlo.multiply %32, %32 : tensor<f32>
    %34 = stablehlo.subtract %28, %33 : tensor<f32>
    %35 = stablehlo.add %29, %32 : tensor<f32>
    %36 = stablehlo.divide %34, %35 : tensor<f32>
    %cst_13 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %cst_14 = stablehlo.constant dense<3.000000e+00> : tensor<f32>
    %cst_15 = stablehlo.constant dense<7.000000e+00> : tensor<f32>
    %c_16 = stablehlo.constant dense<1> : tensor<i32>
    %37 = stablehlo.broadcast_in_dim %c_16, dims = [] : (tensor<i32>) -> tensor<i32>
    %38 = stablehlo.compare LT, %27, %37, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    %c_17 = stablehlo.constant dense<2> : tensor<i32>
    %39 = stablehlo.broadcast_in_dim %c_17, dims = [] : (tensor<i32>) -> tensor<i32>
    %40 = stablehlo.compare LT, %27, %39, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    %41 = stablehlo.select %40, %cst_14, %cst_15 : tensor<i1>, tensor<f32>
    %42 = stablehlo.select %38, %cst_13, %41 : tensor<i1>, tensor<f32>
    %cst_18 = stablehlo.constant dense<1.750000e+00> : tensor<f32>
    %43 = stablehlo.subtract %20, %cst_18 : tensor<f32>
    %44 = stablehlo.subtract %29, %42 : tensor<f32>
    %45 = stablehlo.select %21, %43, %44 : tensor<i1>, tensor<f32>
    %cst_19 = stablehlo.constant dense<1.85923469> : tensor<f32>
    %cst_20 = stablehlo.constant dense<-0.236000434> : tensor<f32>
    %cst_21 = stablehlo.constant dense<-0.184176683> : tensor<f32>
    %c_22 = stablehlo.constant dense<1> : tensor<i32>
    %46 = stablehlo.broadcast_in_dim %c_22, dims = [] : (tensor<i32>) -> tensor<i32>
    %47 = stablehlo.compare LT, %27, %46, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    %c_23 = stablehlo.constant dense<2> : tensor<i32>
    %48 = stablehlo.broadcast_in_dim %c_23, dims = [] : (tensor<i32>) -> tensor<i32>
    %49 = stablehlo.compare LT, %27, %48, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    %50 = stablehlo.select %49, %cst_20, %cst_21 : tensor<i1>, tensor<f32>
    %51 = stablehlo.select %47, %cst_19, %50 : tensor<i1>, tensor<f32>
    %cst_24 = stablehlo.constant dense<0.35414958> : tensor<f32>
    %cst_25 = stablehlo.constant dense<0.0039165006> : tensor<f32>
    %cst_26 = stablehlo.constant dense<0.0123076178> : tensor<f32>
    %c_27 = stablehlo.constant dense<1> : tensor<i32>
    %52 = stablehlo.broadcast_in_dim %c_27, dims = [] : (tensor<i32>) -> tensor<i32>
    %53 = stablehlo.compare LT, %27, %52, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    %c_28 = stablehlo.constant dense<2> : tensor<i32>
    %54 = stablehlo.broadcast_in_dim %c_28, dims = [] : (tensor<i32>) -> tensor<i32>
    %55 = stablehlo.compare LT, %27, %54, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    %56 = stablehlo.select %55, %cst_25, %cst_26 : tensor<i1>, tensor<f32>
    %57 = stablehlo.select %53, %cst_24, %56 : tensor<i1>, tensor<f32>
    %cst_29 = stablehlo.constant dense<-8.76135484E-4> : tensor<f32>
    %cst_30 = stablehlo.constant dense<0.00967604294> : tensor<f32>
    %cst_31 = stablehlo.constant dense<-7.25221529E-4> : tensor<f32>
    %c_32 = stablehlo.constant dense<1> : tensor<i32>
    %58 = stablehlo.broadcast_in_dim %c_32, dims = [] : (tensor<i32>) -> tensor<i32>
    %59 = stablehlo.compare LT, %27, %58, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    %c_33 = stablehlo.constant dense<2> : tensor<i32>
    %60 = stablehlo.broadcast_in_dim %c_33, dims = [] : (tensor<i32>) -> tensor<i32>
    %61 = stablehlo.compare LT, %27, %60, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    %62 = stablehlo.select %61, %cst_30, %cst_31 : tensor<i1>, tensor<f32>
    %63 = stablehlo.select %59, %cst_29, %62 : tensor<i1>, tensor<f32>
    %cst_34 = stablehlo.constant dense<-0.00268969731> : tensor<f32>
    %cst_35 = stablehlo.constant dense<-0.00487479521> : tensor<f32>
    %cst_36 = stablehlo.constant dense<8.09688845E-6> : tensor<f32>
    %c_37 = stablehlo.constant dense<1> : tensor<i32>
    %64 = stablehlo.broadcast_in_dim %c_37, dims = [] : (tensor<i32>) -> tensor<i32>
    %65 = stablehlo.compare LT, %27, %64, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    %c_38 = stablehlo.constant dense<2> : tensor<i32>
    %66 = stablehlo.broadcast_in_dim %c_38, dims = [] : (tensor<i32>) -> tensor<i32>
    %67 = stablehlo.compare LT, %27, %66, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    %68 = stablehlo.select %67, %cst_35, %cst_36 : tensor<i1>, tensor<f32>
    %69 = stablehlo.select %65, %cst_34, %68 : tensor<i1>, tensor<f32>
    %cst_39 = stablehlo.constant dense<2.85271759E-4> : tensor<f32>
    %cst_40 = stablehlo.constant dense<0.00162763509> : tensor<f32>
    %cst_41 = stablehlo.constant dense<8.71118937E-6> : tensor<f32>
    %c_42 = stablehlo.constant dense<1> : tensor<i32>
    %70 = stablehlo.broadcast_in_dim %c_42, dims = [] : (tensor<i32>) -> tensor<i32>
    %71 = stablehlo.compare LT, %27, %70, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    %c_43 = stablehlo.constant dense<2> : tensor<i32>
    %72 = stablehlo.broadcast_in_dim %c_43, dims = [] : (tensor<i32>) -> tensor<i32>
    %73 = stablehlo.compare LT, %27, %72, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    %74 = stablehlo.select %73, %cst_40, %cst_41 : tensor<i1>, tensor<f32>
    %75 = stablehlo.select %71, %cst_39, %74 : tensor<i1>, tensor<f32>
    %cst_44 = stablehlo.constant dense<2.17609522E-5> : tensor<f32>
    %cst_45 = stablehlo.constant dense<-3.06331145E-4> : tensor<f32>
    %cst_46 = stablehlo.constant dense<-1.9662566E-6> : tensor<f32>
    %c_47 = stablehlo.constant dense<1> : tensor<i32>
    %76 = stablehlo.broadcast_in_dim %c_47, dims = [] : (tensor<i32>) -> tensor<i32>
    %77 = stablehlo.compare LT, %27, %76, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    %c_48 = stablehlo.constant dense<2> : tensor<i32>
    %78 = stablehlo.broadcast_in_dim %c_48, dims = [] : (tensor<i32>) -> tensor<i32>
    %79 = stablehlo.compare LT, %27, %78, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    %80 = stablehlo.select %79, %cst_45, %cst_46 : tensor<i1>, tensor<f32>
    %81 = stablehlo.select %77, %cst_44, %80 : tensor<i1>, tensor<f32>
    %cst_49 = stablehlo.constant dense<-7.45622219E-6> : tensor<f32>
    %cst_50 = stablehlo.constant dense<-7.37427472E-5> : tensor<f32>
    %cst_51 = stablehlo.constant dense<4.00104341E-7> : tensor<f32>
    %c_52 = stablehlo.constant dense<1> : tensor<i32>
    %82 = stablehlo.broadcast_in_dim %c_52, dims = [] : (tensor<i32>) -> tensor<i32>
    %83 = stablehlo.compare LT, %27, %82, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    %c_53 = stablehlo.constant dense<2> : tensor<i32>
    %84 = stablehlo.broadcast_in_dim %c_53, dims = [] : (tensor<i32>) -> tensor<i32>
    %85 = stablehlo.compare LT, %27, %84, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    %86 = stablehlo.select %85, %cst_50, %cst_51 : tensor<i1>, tensor<f32>
    %87 = stablehlo.select %83, %cst_49, %86 : tensor<i1>, tensor<f32>
    %cst_54 = stablehlo.constant dense<1.18619539E-7> : tensor<f32>
    %cst_55 = stablehlo.constant dense<7.60798939E-5> : tensor<f32>
    %cst_56 = stablehlo.constant dense<-1.23394798E-7> : tensor<f32>
    %c_57 = stablehlo.constant dense<1> : tensor<i32>
    %88 = stablehlo.broadcast_in_dim %c_57, dims = [] : (tensor<i32>) -> tensor<i32>
    %89 = stablehlo.compare LT, %27, %88, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    %c_58 = stablehlo.constant dense<2> : tensor<i32>
    %90 = stablehlo.broadcast_in_dim %c_58, dims = [] : (tensor<i32>) -> tensor<i32>
    %91 = stablehlo.compare LT, %27, %90, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    %92 = stablehlo.select %91, %cst_55, %cst_56 : tensor<i1>, tensor<f32>
    %93 = stablehlo.select %89, %cst_54, %92 : tensor<i1>, tensor<f32>
    %cst_59 = stablehlo.constant dense<1.25375806E-7> : tensor<f32>
    %cst_60 = stablehlo.constant dense<-1.69354771E-5> : tensor<f32>
    %cst_61 = stablehlo.constant dense<1.84477429E-8> : tensor<f32>
    %c_62 = stablehlo.constant dense<1> : tensor<i32>
    %94 = stablehlo.broadcast_in_dim %c_62, dims = [] : (tensor<i32>) -> tensor<i32>
    %95 = stablehlo.compare LT, %27, %94, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    %c_63 = stablehlo.constant dense<2> : tensor<i32>
    %96 = stablehlo.broadcast_in_dim %c_63, dims = [] : (tensor<i32>) -> tensor<i32>
    %97 = stablehlo.compare LT, %27, %96, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    %98 = stablehlo.select %97, %cst_60, %cst_61 : tensor<i1>, tensor<f32>
    %99 = stablehlo.select %95, %cst_59, %98 : tensor<i1>, tensor<f32>
    %100 = stablehlo.multiply %99, %45 : tensor<f32>
    %101 = stablehlo.add %100, %93 : tensor<f32>
    %102 = stablehlo.multiply %101, %45 : tensor<f32>
    %103 = stablehlo.add %102, %87 : tensor<f32>
    %104 = stablehlo.multiply %103, %45 : tensor<f32>
    %105 = stablehlo.add %104, %81 : tensor<f32>
    %106 = stablehlo.multiply %105, %45 : tensor<f32>
    %107 = stablehlo.add %106, %75 : tensor<f32>
    %108 = stablehlo.multiply %107, %45 : tensor<f32>
    %109 = stablehlo.add %108, %69 : tensor<f32>
    %110 = stablehlo.multiply %109, %45 : tensor<f32>
    %111 = stablehlo.add %110, %63 : tensor<f32>
    %112 = stablehlo.multiply %111, %45 : tensor<f32>
    %113 = stablehlo.add %112, %57 : tensor<f32>
    %114 = stablehlo.multiply %113, %45 : tensor<f32>
    %115 = stablehlo.add %114, %51 : tensor<f32>
    %cst_64 = stablehlo.constant dense<1.4140625> : tensor<f32>
    %116 = stablehlo.multiply %cst_64, %32 : tensor<f32>
    %cst_65 = stablehlo.constant dense<1.4140625> : tensor<f32>
    %117 = stablehlo.multiply %cst_65, %36 : tensor<f32>
    %118 = stablehlo.add %117, %115 : tensor<f32>
    %119 = stablehlo.optimization_barrier %118 : tensor<f32>
    %120 = stablehlo.add %116, %119 : tensor<f32>
    %cst_66 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %121 = stablehlo.compare LT, %14, %cst_66, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %cst_67 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %cst_68 = stablehlo.constant dense<-1.000000e+00> : tensor<f32>
    %122 = stablehlo.select %121, %cst_68, %cst_67 : tensor<i1>, tensor<f32>
    %123 = stablehlo.multiply %14, %115 : tensor<f32>
    %124 = stablehlo.multiply %122, %120 : tensor<f32>
    %125 = stablehlo.select %21, %123, %124 : tensor<i1>, tensor<f32>
    %cst_69 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %126 = stablehlo.compare EQ, %arg0, %cst_69, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %cst_70 = stablehlo.constant dense<1.000000e+00> : tensor<f32>
    %127 = stablehlo.compare EQ, %arg0, %cst_70, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %cst_71 = stablehlo.constant dense<0x7F800000> : tensor<f32>
    %128 = call @_where(%127, %cst_71, %125) : (tensor<i1>, tensor<f32>, tensor<f32>) -> tensor<f32>
    %cst_72 = stablehlo.constant dense<0xFF800000> : tensor<f32>
    %129 = call @_where(%126, %cst_72, %128) : (tensor<i1>, tensor<f32>, tensor<f32>) -> tensor<f32>
    %cst_73 = stablehlo.constant dense<0x7FC00000> : tensor<f32>
    %130 = call @_where(%4, %cst_73, %129) : (tensor<i1>, tensor<f32>, tensor<f32>) -> tensor<f32>
    return %130 : tensor<f32>
  }
  func.func private @_where(%arg0: tensor<i1>, %arg1: tensor<f32>, %arg2: tensor<f32>) -> tensor<f32> {
    %0 = stablehlo.convert %arg1 : tensor<f32>
    %1 = stablehlo.select %arg0, %0, %arg2 : tensor<i1>, tensor<f32>
    return %1 : tensor<f32>
  }
  func.func private @_where_0(%arg0: tensor<i1>, %arg1: tensor<f32>, %arg2: tensor<f32>) -> tensor<f32> {
    %0 = stablehlo.select %arg0, %arg1, %arg2 : tensor<i1>, tensor<f32>
    return %0 : tensor<f32>
  }
}
