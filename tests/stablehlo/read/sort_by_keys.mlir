// Comparators that no primitive has: directions that differ, the total order, a key that is computed.
module {
func.func public @main() -> (tensor<5xi32>, tensor<5xf32>, tensor<4xf32>, tensor<4xi32>, tensor<3xcomplex<f32>>,
                             tensor<5xi32>, tensor<5xf32>, tensor<4xf32>, tensor<4xi32>, tensor<3xcomplex<f32>>) {
  %i = stablehlo.constant dense<[1, 0, 1, 0, 1]> : tensor<5xi32>
  %x = stablehlo.constant dense<[1.0, 2.0, 3.0, 4.0, 2.0]> : tensor<5xf32>
  %mixed:2 = "stablehlo.sort"(%i, %x) ({
  ^bb0(%a: tensor<i32>, %b: tensor<i32>, %c: tensor<f32>, %d: tensor<f32>):
    %less = stablehlo.compare GT, %c, %d, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %equal = stablehlo.compare EQ, %b, %a, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    %first = stablehlo.compare GT, %b, %a, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    %which = stablehlo.select %equal, %less, %first : tensor<i1>, tensor<i1>
    stablehlo.return %which : tensor<i1>
  }) {dimension = 0 : i64, is_stable = true} : (tensor<5xi32>, tensor<5xf32>) -> (tensor<5xi32>, tensor<5xf32>)

  %zeros = stablehlo.constant dense<[0.0, -0.0, 1.0, -1.0]> : tensor<4xf32>
  %total = "stablehlo.sort"(%zeros) ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %first = stablehlo.compare LT, %a, %b, TOTALORDER : (tensor<f32>, tensor<f32>) -> tensor<i1>
    stablehlo.return %first : tensor<i1>
  }) {dimension = 0 : i64, is_stable = true} : (tensor<4xf32>) -> tensor<4xf32>

  %signed = stablehlo.constant dense<[3, -1, 2, -4]> : tensor<4xi32>
  %by_size = "stablehlo.sort"(%signed) ({
  ^bb0(%a: tensor<i32>, %b: tensor<i32>):
    %c = stablehlo.abs %a : tensor<i32>
    %d = stablehlo.abs %b : tensor<i32>
    %first = stablehlo.compare GT, %c, %d, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.return %first : tensor<i1>
  }) {dimension = 0 : i64, is_stable = true} : (tensor<4xi32>) -> tensor<4xi32>

  %z = stablehlo.constant dense<[(1.0, 2.0), (0.0, 5.0), (1.0, -2.0)]> : tensor<3xcomplex<f32>>
  %by_parts = "stablehlo.sort"(%z) ({
  ^bb0(%a: tensor<complex<f32>>, %b: tensor<complex<f32>>):
    %ar = stablehlo.real %a : (tensor<complex<f32>>) -> tensor<f32>
    %br = stablehlo.real %b : (tensor<complex<f32>>) -> tensor<f32>
    %ai = stablehlo.imag %a : (tensor<complex<f32>>) -> tensor<f32>
    %bi = stablehlo.imag %b : (tensor<complex<f32>>) -> tensor<f32>
    %first = stablehlo.compare LT, %ar, %br, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %equal = stablehlo.compare EQ, %ar, %br, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %then = stablehlo.compare LT, %ai, %bi, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %both = stablehlo.and %then, %equal : tensor<i1>
    %which = stablehlo.or %both, %first : tensor<i1>
    stablehlo.return %which : tensor<i1>
  }) {dimension = 0 : i64, is_stable = true} : (tensor<3xcomplex<f32>>) -> tensor<3xcomplex<f32>>

  %a = stablehlo.constant dense<[0, 0, 1, 1, 1]> : tensor<5xi32>
  %b = stablehlo.constant dense<[4.0, 2.0, 3.0, 2.0, 1.0]> : tensor<5xf32>
  %c = stablehlo.constant dense<[-1.0, -0.0, 0.0, 1.0]> : tensor<4xf32>
  %d = stablehlo.constant dense<[-4, 3, 2, -1]> : tensor<4xi32>
  %e = stablehlo.constant dense<[(0.0, 5.0), (1.0, -2.0), (1.0, 2.0)]> : tensor<3xcomplex<f32>>
  return %mixed#0, %mixed#1, %total, %by_size, %by_parts, %a, %b, %c, %d, %e
    : tensor<5xi32>, tensor<5xf32>, tensor<4xf32>, tensor<4xi32>, tensor<3xcomplex<f32>>,
      tensor<5xi32>, tensor<5xf32>, tensor<4xf32>, tensor<4xi32>, tensor<3xcomplex<f32>>
}
}
