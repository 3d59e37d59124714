// RUN: cat %s %S/Inputs/fill.inc | mica-opt -mica-reference -mica-reference-to-llvm \
// RUN:   | %runner | FileCheck %s

// Values computed by `literals.py elementwise`, beside this file.

func.func @main() {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %half = arith.constant 0.5 : f32
  %one = arith.constant 1.0 : f32
  %root = arith.constant 0.70710678 : f32
  %x_any = call @fill(%c2, %c3, %c0) : (index, index, index) -> tensor<?x?xf32>
  %x = tensor.cast %x_any : tensor<?x?xf32> to tensor<?x3xf32>
  %y_any = call @fill(%c2, %c3, %c1) : (index, index, index) -> tensor<?x?xf32>
  %y = tensor.cast %y_any : tensor<?x?xf32> to tensor<?x3xf32>
  %rows = tensor.dim %x, %c0 : tensor<?x3xf32>
  %halves = tensor.splat %half[%rows] : tensor<?x3xf32>
  %ones = tensor.splat %one[%rows] : tensor<?x3xf32>
  %roots = tensor.splat %root[%rows] : tensor<?x3xf32>

  %scaled = arith.mulf %x, %roots : tensor<?x3xf32>
  %erf = math.erf %scaled : tensor<?x3xf32>
  %erf1 = arith.addf %erf, %ones : tensor<?x3xf32>
  %hx = arith.mulf %x, %halves : tensor<?x3xf32>
  %gelu = arith.mulf %hx, %erf1 : tensor<?x3xf32>
  %show1 = tensor.cast %gelu : tensor<?x3xf32> to tensor<?x?xf32>
  call @show(%show1) : (tensor<?x?xf32>) -> ()
  // gelu
  // CHECK: sizes = [2, 3]
  // CHECK-NEXT{LITERAL}: [-0.100211, 0.149677, -0.132062]
  // CHECK-NEXT{LITERAL}: [0.345731, -0.158655, 0.580029]

  %negative = arith.negf %x : tensor<?x3xf32>
  %exp = math.exp %negative : tensor<?x3xf32>
  %exp1 = arith.addf %exp, %ones : tensor<?x3xf32>
  %silu = arith.divf %x, %exp1 : tensor<?x3xf32>
  %gated = arith.mulf %silu, %y : tensor<?x3xf32>
  %show2 = tensor.cast %gated : tensor<?x3xf32> to tensor<?x?xf32>
  call @show(%show2) : (tensor<?x?xf32>) -> ()
  // silu times up
  // CHECK: sizes = [2, 3]
  // CHECK-NEXT{LITERAL}: [0.0684096, 0.210816, -0]
  // CHECK-NEXT{LITERAL}: [-0.466844, -0.0672354, -0.63673]

  %offsets = arith.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %splat = arith.constant dense<0.5> : tensor<2x3xf32>
  %static = tensor.cast %x : tensor<?x3xf32> to tensor<2x3xf32>
  %product = arith.mulf %static, %splat : tensor<2x3xf32>
  %sum = arith.addf %product, %offsets : tensor<2x3xf32>
  %z = tensor.cast %sum : tensor<2x3xf32> to tensor<?x3xf32>
  %show3 = tensor.cast %z : tensor<?x3xf32> to tensor<?x?xf32>
  call @show(%show3) : (tensor<?x?xf32>) -> ()
  // scaled
  // CHECK: sizes = [2, 3]
  // CHECK-NEXT{LITERAL}: [0.25, 2.125, 2.375]
  // CHECK-NEXT{LITERAL}: [4.25, 4.5, 6.375]
  return
}
