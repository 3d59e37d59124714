// RUN: cat %s %S/Inputs/fill.inc | mica-opt -mica-reference -mica-reference-to-llvm \
// RUN:   | %runner | FileCheck %s

// Values computed by `literals.py linear`, beside this file.

mica.weight @w : !mica.weight<4x5, f32>
  {mica.value = dense<[[-0.25, 1.5, 0.0, -1.5, 0.25], [-1.25, 0.5, -1.0, 0.75, -0.75], [1.0, -0.5, 1.25, -0.25, 1.5], [0.0, -1.5, 0.25, -1.25, 0.5]]> : tensor<4x5xf32>}
mica.weight @w16 : !mica.weight<4x5, bf16>
  {mica.value = dense<[[-0.25, 1.5, 0.0, -1.5, 0.25], [-1.25, 0.5, -1.0, 0.75, -0.75], [1.0, -0.5, 1.25, -0.25, 1.5], [0.0, -1.5, 0.25, -1.25, 0.5]]> : tensor<4x5xbf16>}
mica.weight @b : !mica.weight<4, f32>
  {mica.value = dense<[1.0, -0.5, 1.25, -0.25]> : tensor<4xf32>}

func.func @main() {
  %c0 = arith.constant 0 : index
  %c3 = arith.constant 3 : index
  %c5 = arith.constant 5 : index
  %w = mica.get_weight @w : !mica.weight<4x5, f32>
  %w16 = mica.get_weight @w16 : !mica.weight<4x5, bf16>
  %b = mica.get_weight @b : !mica.weight<4, f32>
  %x_any = call @fill(%c3, %c5, %c0) : (index, index, index) -> tensor<?x?xf32>
  %x = tensor.cast %x_any : tensor<?x?xf32> to tensor<?x5xf32>

  %0 = mica.linear %x, %w : tensor<?x5xf32>, !mica.weight<4x5, f32> -> tensor<?x4xf32>
  %show1 = tensor.cast %0 : tensor<?x4xf32> to tensor<?x?xf32>
  call @show(%show1) : (tensor<?x?xf32>) -> ()
  // linear
  // CHECK: sizes = [3, 4]
  // CHECK-NEXT{LITERAL}: [-0.25, 4.375, -4.8125, -1.8125]
  // CHECK-NEXT{LITERAL}: [-0.25, -3.625, 4.375, 2.625]
  // CHECK-NEXT{LITERAL}: [4.625, -0.25, -0.25, -0.25]

  %1 = mica.linear %x, %w16, %b : tensor<?x5xf32>, !mica.weight<4x5, bf16>, !mica.weight<4, f32> -> tensor<?x4xf32>
  %show2 = tensor.cast %1 : tensor<?x4xf32> to tensor<?x?xf32>
  call @show(%show2) : (tensor<?x?xf32>) -> ()
  // linear with bias
  // CHECK: sizes = [3, 4]
  // CHECK-NEXT{LITERAL}: [0.75, 3.875, -3.5625, -2.0625]
  // CHECK-NEXT{LITERAL}: [0.75, -4.125, 5.625, 2.375]
  // CHECK-NEXT{LITERAL}: [5.625, -0.75, 1, -0.5]

  // A third is no bf16: it is rounded to nearest even.
  %three = arith.constant 3.0 : f32
  %rows = tensor.dim %x, %c0 : tensor<?x5xf32>
  %threes = tensor.splat %three[%rows] : tensor<?x5xf32>
  %third = arith.divf %x, %threes : tensor<?x5xf32>
  %q = mica.quantize %third : tensor<?x5xf32> -> tensor<?x5xbf16>
  %q32 = arith.extf %q : tensor<?x5xbf16> to tensor<?x5xf32>
  %show3 = tensor.cast %q32 : tensor<?x5xf32> to tensor<?x?xf32>
  call @show(%show3) : (tensor<?x?xf32>) -> ()
  // quantize
  // CHECK: sizes = [3, 5]
  // CHECK-NEXT{LITERAL}: [-0.5, 0.0834961, -0.416016, 0.166992, -0.333984]
  // CHECK-NEXT{LITERAL}: [0.25, -0.25, 0.333984, -0.166992, 0.416016]
  // CHECK-NEXT{LITERAL}: [-0.0834961, 0.5, 0, -0.5, 0.0834961]

  %2 = mica.linear %q, %w : tensor<?x5xbf16>, !mica.weight<4x5, f32> -> tensor<?x4xf32>
  %show4 = tensor.cast %2 : tensor<?x4xf32> to tensor<?x?xf32>
  call @show(%show4) : (tensor<?x?xf32>) -> ()
  // linear of bf16
  // CHECK: sizes = [3, 4]
  // CHECK-NEXT{LITERAL}: [-0.0837402, 1.4585, -1.60449, -0.60498]
  // CHECK-NEXT{LITERAL}: [-0.0830078, -1.20874, 1.45825, 0.875244]
  // CHECK-NEXT{LITERAL}: [1.54175, -0.083252, -0.083252, -0.083252]
  return
}
