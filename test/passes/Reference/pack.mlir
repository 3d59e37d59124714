// RUN: cat %s %S/Inputs/fill.inc | mica-opt -mica-reference -mica-reference-to-llvm \
// RUN:   | %runner | FileCheck %s

// Values computed by `literals.py pack`, beside this file.

mica.weight @a : !mica.weight<4x2, f32>
  {mica.value = dense<[[-1.5, 0.25], [-1.25, 0.5], [-1.0, 0.75], [-0.75, 1.0]]> : tensor<4x2xf32>}
mica.weight @b : !mica.weight<4x2, f32>
  {mica.value = dense<[[-0.25, 1.5], [0.0, -1.5], [0.25, -1.25], [0.5, -1.0]]> : tensor<4x2xf32>}
mica.weight @c : !mica.weight<2x2, f32>
  {mica.value = dense<[[-0.25, 1.5], [0.0, -1.5]]> : tensor<2x2xf32>}

func.func @main() {
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %c8 = arith.constant 8 : index
  %a = mica.get_weight @a : !mica.weight<4x2, f32>
  %b = mica.get_weight @b : !mica.weight<4x2, f32>
  %c = mica.get_weight @c : !mica.weight<2x2, f32>

  %both = mica.pack %a, %b {interleave = 2} : (!mica.weight<4x2, f32>, !mica.weight<4x2, f32>) -> !mica.weight<8x2, f32>
  %both_buffer = builtin.unrealized_conversion_cast %both : !mica.weight<8x2, f32> to memref<8x2xf32>
  %both_any = memref.cast %both_buffer : memref<8x2xf32> to memref<*xf32>
  call @printMemrefF32(%both_any) : (memref<*xf32>) -> ()
  // interleaved
  // CHECK: sizes = [8, 2]
  // CHECK-NEXT{LITERAL}: [-1.5, 0.25]
  // CHECK-NEXT{LITERAL}: [-1.25, 0.5]
  // CHECK-NEXT{LITERAL}: [-0.25, 1.5]
  // CHECK-NEXT{LITERAL}: [0, -1.5]
  // CHECK-NEXT{LITERAL}: [-1, 0.75]
  // CHECK-NEXT{LITERAL}: [-0.75, 1]
  // CHECK-NEXT{LITERAL}: [0.25, -1.25]
  // CHECK-NEXT{LITERAL}: [0.5, -1]

  %stacked = mica.pack %a, %c {offset = 1.0 : f32} : (!mica.weight<4x2, f32>, !mica.weight<2x2, f32>) -> !mica.weight<6x2, f32>
  %stacked_buffer = builtin.unrealized_conversion_cast %stacked : !mica.weight<6x2, f32> to memref<6x2xf32>
  %stacked_any = memref.cast %stacked_buffer : memref<6x2xf32> to memref<*xf32>
  call @printMemrefF32(%stacked_any) : (memref<*xf32>) -> ()
  // stacked with offset
  // CHECK: sizes = [6, 2]
  // CHECK-NEXT{LITERAL}: [-0.5, 1.25]
  // CHECK-NEXT{LITERAL}: [-0.25, 1.5]
  // CHECK-NEXT{LITERAL}: [0, 1.75]
  // CHECK-NEXT{LITERAL}: [0.25, 2]
  // CHECK-NEXT{LITERAL}: [0.75, 2.5]
  // CHECK-NEXT{LITERAL}: [1, -0.5]

  %x_any = call @fill(%c2, %c8, %c3) : (index, index, index) -> tensor<?x?xf32>
  %x = tensor.cast %x_any : tensor<?x?xf32> to tensor<?x8xf32>
  %first, %second = mica.split %x {interleave = 2 : i64} : tensor<?x8xf32> -> tensor<?x4xf32>, tensor<?x4xf32>
  %show1 = tensor.cast %first : tensor<?x4xf32> to tensor<?x?xf32>
  call @show(%show1) : (tensor<?x?xf32>) -> ()
  // split 0
  // CHECK: sizes = [2, 4]
  // CHECK-NEXT{LITERAL}: [-1, 0.75, -0.5, 1.25]
  // CHECK-NEXT{LITERAL}: [0, -1.5, 0.5, -1]
  %show2 = tensor.cast %second : tensor<?x4xf32> to tensor<?x?xf32>
  call @show(%show2) : (tensor<?x?xf32>) -> ()
  // split 1
  // CHECK: sizes = [2, 4]
  // CHECK-NEXT{LITERAL}: [-0.75, 1, -0.25, 1.5]
  // CHECK-NEXT{LITERAL}: [0.25, -1.25, 0.75, -0.75]
  return
}
