// RUN: cat %s %S/Inputs/fill.inc | mica-opt -mica-reference -mica-reference-to-llvm \
// RUN:   | %runner | FileCheck %s

// Values computed by `literals.py norms`, beside this file.

mica.weight @w : !mica.weight<4, f32>
  {mica.value = dense<[1.0, -0.5, 1.25, -0.25]> : tensor<4xf32>}
mica.weight @b : !mica.weight<4, f32>
  {mica.value = dense<[-1.0, 0.75, -0.75, 1.0]> : tensor<4xf32>}

func.func @main() {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %w = mica.get_weight @w : !mica.weight<4, f32>
  %b = mica.get_weight @b : !mica.weight<4, f32>
  %x_any = call @fill(%c2, %c4, %c0) : (index, index, index) -> tensor<?x?xf32>
  %x = tensor.cast %x_any : tensor<?x?xf32> to tensor<?x4xf32>
  %r_any = call @fill(%c2, %c4, %c1) : (index, index, index) -> tensor<?x?xf32>
  %r = tensor.cast %r_any : tensor<?x?xf32> to tensor<?x4xf32>
  %heads_any = call @fill(%c2, %c8, %c1) : (index, index, index) -> tensor<?x?xf32>
  %heads = tensor.cast %heads_any : tensor<?x?xf32> to tensor<?x8xf32>

  %0 = mica.rms_norm %x, %w {eps = 1.0e-5 : f32} : tensor<?x4xf32>, !mica.weight<4, f32>
  %show1 = tensor.cast %0 : tensor<?x4xf32> to tensor<?x?xf32>
  call @show(%show1) : (tensor<?x?xf32>) -> ()
  // rms_norm
  // CHECK: sizes = [2, 4]
  // CHECK-NEXT{LITERAL}: [-1.47709, -0.123091, -1.53864, -0.123091]
  // CHECK-NEXT{LITERAL}: [-1.13136, -0.424261, -1.06065, -0.282841]

  // One weight for two groups of four columns, stored as w - 1.
  %1 = mica.rms_norm %heads, %w {eps = 1.0e-6 : f32, offset = 1.0 : f32} : tensor<?x8xf32>, !mica.weight<4, f32>
  %show2 = tensor.cast %1 : tensor<?x8xf32> to tensor<?x?xf32>
  call @show(%show2) : (tensor<?x?xf32>) -> ()
  // rms_norm_groups
  // CHECK: sizes = [2, 8]
  // CHECK-NEXT{LITERAL}: [-0.468164, 0.702247, 0, -1.05337, 0.589767, -0.737209, 1.32698, -0.884651]
  // CHECK-NEXT{LITERAL}: [1.94666, -0.486664, 2.91998, -0.486664, 2.54, -0.127, 3.429, 0]

  %sum, %2 = mica.add_rms_norm %x, %r, %w {eps = 0.5 : f32} : tensor<?x4xf32>, !mica.weight<4, f32>
  %show3 = tensor.cast %sum : tensor<?x4xf32> to tensor<?x?xf32>
  call @show(%show3) : (tensor<?x?xf32>) -> ()
  // add_rms_norm sum
  // CHECK: sizes = [2, 4]
  // CHECK-NEXT{LITERAL}: [-1.75, 1.75, -1.25, -1]
  // CHECK-NEXT{LITERAL}: [-0.75, -0.5, -0.25, 0]
  %show4 = tensor.cast %2 : tensor<?x4xf32> to tensor<?x?xf32>
  call @show(%show4) : (tensor<?x?xf32>) -> ()
  // add_rms_norm result
  // CHECK: sizes = [2, 4]
  // CHECK-NEXT{LITERAL}: [-1.07061, -0.535303, -0.955899, 0.152944]
  // CHECK-NEXT{LITERAL}: [-0.884652, 0.294884, -0.368605, -0]

  %3 = mica.layer_norm %x, %w, %b {eps = 1.0e-5 : f32} : tensor<?x4xf32>, !mica.weight<4, f32>, !mica.weight<4, f32>
  %show5 = tensor.cast %3 : tensor<?x4xf32> to tensor<?x?xf32>
  call @show(%show5) : (tensor<?x?xf32>) -> ()
  // layer_norm
  // CHECK: sizes = [2, 4]
  // CHECK-NEXT{LITERAL}: [-2.13136, 0.325739, -1.81065, 0.717159]
  // CHECK-NEXT{LITERAL}: [-2.13136, 0.325739, -1.81065, 0.717159]

  %4 = mica.layer_norm %r, %w {eps = 0.25 : f32} : tensor<?x4xf32>, !mica.weight<4, f32>
  %show6 = tensor.cast %4 : tensor<?x4xf32> to tensor<?x?xf32>
  call @show(%show6) : (tensor<?x?xf32>) -> ()
  // layer_norm without bias
  // CHECK: sizes = [2, 4]
  // CHECK-NEXT{LITERAL}: [-0.159223, -0.663431, 0.0663431, 0.305178]
  // CHECK-NEXT{LITERAL}: [0.686803, 0.480762, 1.2019, 0.171701]

  // Weights of four columns, norms of two.
  %5 = mica.rms_norm %heads, %w {eps = 1.0e-5 : f32, group = 2 : i64} : tensor<?x8xf32>, !mica.weight<4, f32>
  %show7 = tensor.cast %5 : tensor<?x8xf32> to tensor<?x?xf32>
  call @show(%show7) : (tensor<?x?xf32>) -> ()
  // rms_norm of halves
  // CHECK: sizes = [2, 8]
  // CHECK-NEXT{LITERAL}: [-0.232494, -0.697483, 0, 0.353552, 0.277348, 0.693371, 0.790563, 0.316225]
  // CHECK-NEXT{LITERAL}: [0.999991, 0.499996, 1.58113, 0.158113, 1.38674, 0.138674, 1.76776, -0]

  %6 = mica.layer_norm %heads, %w, %b {eps = 1.0e-5 : f32, group = 2 : i64} : tensor<?x8xf32>, !mica.weight<4, f32>, !mica.weight<4, f32>
  %show8 = tensor.cast %6 : tensor<?x8xf32> to tensor<?x?xf32>
  call @show(%show8) : (tensor<?x?xf32>) -> ()
  // layer_norm of halves
  // CHECK: sizes = [2, 8]
  // CHECK-NEXT{LITERAL}: [-1.99999, 0.250003, 0.499989, 1.25, -8.88877e-06, 1.25, 0.499989, 1.25]
  // CHECK-NEXT{LITERAL}: [-8.88877e-06, 1.25, 0.499989, 1.25, -8.88877e-06, 1.25, 0.499989, 1.25]

  %weightless = mica.rms_norm %heads {eps = 1.0e-5 : f32, group = 4 : i64} : tensor<?x8xf32>
  %show_weightless = tensor.cast %weightless : tensor<?x8xf32> to tensor<?x?xf32>
  call @show(%show_weightless) : (tensor<?x?xf32>) -> ()
  // rms_norm without weight
  // CHECK: sizes = [2, 8]
  // CHECK-NEXT{LITERAL}: [-0.234081, 1.40449, 0, -1.40449, 0.294882, -1.47441, 0.589764, -1.17953]
  // CHECK-NEXT{LITERAL}: [0.97332, -0.97332, 1.29776, -0.64888, 1.26999, -0.253999, 1.52399, 0]
  return
}
