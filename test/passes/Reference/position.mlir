// RUN: cat %s %S/Inputs/fill.inc | mica-opt -mica-reference -mica-reference-to-llvm \
// RUN:   | %runner | FileCheck %s

// Values computed by `literals.py position`, beside this file.

memref.global "private" constant @positions : memref<3xi32> = dense<[0, 3, 1000]>

func.func @main() {
  %c0 = arith.constant 0 : index
  %c3 = arith.constant 3 : index
  %c10 = arith.constant 10 : index
  %list = memref.get_global @positions : memref<3xi32>
  %any = memref.cast %list : memref<3xi32> to memref<?xi32>
  %p = builtin.unrealized_conversion_cast %any : memref<?xi32> to tensor<?xi32>
  %x_any = call @fill(%c3, %c10, %c0) : (index, index, index) -> tensor<?x?xf32>
  %x = tensor.cast %x_any : tensor<?x?xf32> to tensor<?x10xf32>

  %a = mica.rope_angles %p {frequencies = array<f32: 1.0, 0.1>, scale = 1.5 : f32} : tensor<?xi32> -> tensor<?x2xcomplex<f32>>
  %a_buffer = builtin.unrealized_conversion_cast %a : tensor<?x2xcomplex<f32>> to memref<?x2x2xf32>
  %a_rows = memref.collapse_shape %a_buffer [[0], [1, 2]] : memref<?x2x2xf32> into memref<?x4xf32>
  %a_any = memref.cast %a_rows : memref<?x4xf32> to memref<*xf32>
  call @printMemrefF32(%a_any) : (memref<*xf32>) -> ()
  // rope_angles
  // CHECK: sizes = [3, 4]
  // CHECK-NEXT{LITERAL}: [1.5, 0, 1.5, 0]
  // CHECK-NEXT{LITERAL}: [-1.48499, 0.21168, 1.433, 0.44328]
  // CHECK-NEXT{LITERAL}: [0.843569, 1.24032, 1.29348, -0.759548]

  // Two heads of five columns: the last column of a head is in no pair.
  %0 = mica.rope %x, %a {head = 5 : i64} : tensor<?x10xf32>, tensor<?x2xcomplex<f32>>
  %show1 = tensor.cast %0 : tensor<?x10xf32> to tensor<?x?xf32>
  call @show(%show1) : (tensor<?x?xf32>) -> ()
  // half
  // CHECK: sizes = [3, 10]
  // CHECK-NEXT{LITERAL}: [-2.25, 0.375, -1.875, 0.75, -1, 1.125, -1.125, 1.5, -0.75, 1.25]
  // CHECK-NEXT{LITERAL}: [0.371247, 2.81443, -0.05292, -1.48459, 0.25, 2.06792, 0.384042, 1.22039, 1.29639, -0.75]
  // CHECK-NEXT{LITERAL}: [-0.70683, -0.836626, 2.29478, 0.0564047, 1.5, -0.31008, -2.88965, 0.210892, -0.477525, 0.5]

  %1 = mica.rope %x, %a {head = 5 : i64, interleaved} : tensor<?x10xf32>, tensor<?x2xcomplex<f32>>
  %show2 = tensor.cast %1 : tensor<?x10xf32> to tensor<?x?xf32>
  call @show(%show2) : (tensor<?x?xf32>) -> ()
  // interleaved
  // CHECK: sizes = [3, 10]
  // CHECK-NEXT{LITERAL}: [-2.25, 0.375, -1.875, 0.75, -1, 1.125, -1.125, 1.5, -0.75, 1.25]
  // CHECK-NEXT{LITERAL}: [0.0537272, -2.2804, 0.664921, -2.14951, 0.25, 1.7504, -1.00709, -1.76547, 0.631473, -0.75]
  // CHECK-NEXT{LITERAL}: [1.46373, 0.818535, 1.42696, -1.27281, 1.5, 1.86048, -1.26535, -0.626066, -1.80673, 0.5]
  return
}
