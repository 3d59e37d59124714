// RUN: cat %s %S/Inputs/fill.inc | mica-opt -mica-reference -mica-reference-to-llvm \
// RUN:   | %runner | FileCheck %s
//
// The absorbed form computes the same.
// RUN: cat %s %S/Inputs/fill.inc | mica-opt -mica-absorb-latent \
// RUN:   -mica-reference -mica-reference-to-llvm | %runner | FileCheck %s

// Values computed by `literals.py latent`, beside this file.

// Prefill: three rows of sequence 0, one of sequence 1. Decode: one and two more.
memref.global "private" constant @token0 : memref<4xi32> = dense<[0, 0, 0, 0]>
memref.global "private" constant @position0 : memref<4xi32> = dense<[0, 1, 2, 0]>
memref.global "private" constant @row_start0 : memref<3xi32> = dense<[0, 3, 4]>
memref.global "private" constant @out_row0 : memref<2xi32> = dense<[2, 3]>
memref.global "private" constant @length0 : memref<2xi32> = dense<[3, 1]>

func.func @prefill() -> !mica.batch {
  %token_list = memref.get_global @token0 : memref<4xi32>
  %token = memref.cast %token_list : memref<4xi32> to memref<?xi32>
  %position_list = memref.get_global @position0 : memref<4xi32>
  %position = memref.cast %position_list : memref<4xi32> to memref<?xi32>
  %row_start_list = memref.get_global @row_start0 : memref<3xi32>
  %row_start = memref.cast %row_start_list : memref<3xi32> to memref<?xi32>
  %out_row_list = memref.get_global @out_row0 : memref<2xi32>
  %out_row = memref.cast %out_row_list : memref<2xi32> to memref<?xi32>
  %length_list = memref.get_global @length0 : memref<2xi32>
  %length = memref.cast %length_list : memref<2xi32> to memref<?xi32>
  %batch = builtin.unrealized_conversion_cast %token, %position, %row_start, %out_row, %length : memref<?xi32>, memref<?xi32>, memref<?xi32>, memref<?xi32>, memref<?xi32> to !mica.batch
  return %batch : !mica.batch
}

memref.global "private" constant @token1 : memref<3xi32> = dense<[0, 0, 0]>
memref.global "private" constant @position1 : memref<3xi32> = dense<[3, 1, 2]>
memref.global "private" constant @row_start1 : memref<3xi32> = dense<[0, 1, 3]>
memref.global "private" constant @out_row1 : memref<2xi32> = dense<[0, 2]>
memref.global "private" constant @length1 : memref<2xi32> = dense<[4, 3]>

func.func @decode() -> !mica.batch {
  %token_list = memref.get_global @token1 : memref<3xi32>
  %token = memref.cast %token_list : memref<3xi32> to memref<?xi32>
  %position_list = memref.get_global @position1 : memref<3xi32>
  %position = memref.cast %position_list : memref<3xi32> to memref<?xi32>
  %row_start_list = memref.get_global @row_start1 : memref<3xi32>
  %row_start = memref.cast %row_start_list : memref<3xi32> to memref<?xi32>
  %out_row_list = memref.get_global @out_row1 : memref<2xi32>
  %out_row = memref.cast %out_row_list : memref<2xi32> to memref<?xi32>
  %length_list = memref.get_global @length1 : memref<2xi32>
  %length = memref.cast %length_list : memref<2xi32> to memref<?xi32>
  %batch = builtin.unrealized_conversion_cast %token, %position, %row_start, %out_row, %length : memref<?xi32>, memref<?xi32>, memref<?xi32>, memref<?xi32>, memref<?xi32> to !mica.batch
  return %batch : !mica.batch
}

!kv = !mica.kv<heads = 1, key = 4, value = 3, element = f32, page = 16, window = 0>
!keys = !mica.weight<2x3x2, f32>
!up = !mica.weight<2x2x3, f32>

mica.weight @keys : !keys {mica.value = dense<[[[0.25, -1.25], [0.5, -1.0], [0.75, -0.75]], [[1.0, -0.5], [1.25, -0.25], [1.5, 0.0]]]> : tensor<2x3x2xf32>}
mica.weight @values : !up {mica.value = dense<[[[1.5, 0.0, -1.5], [0.25, -1.25, 0.5]], [[-1.0, 0.75, -0.75], [1.0, -0.5, 1.25]]]> : tensor<2x2x3xf32>}

// The first three columns of what is appended as the value.
func.func @latents(%key: tensor<?x4xf32>) -> tensor<?x3xf32> {
  %rows = builtin.unrealized_conversion_cast %key : tensor<?x4xf32> to memref<?x4xf32>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %count = memref.dim %rows, %c0 : memref<?x4xf32>
  %latent = memref.alloc(%count) : memref<?x3xf32>
  scf.for %m = %c0 to %count step %c1 {
    scf.for %i = %c0 to %c3 step %c1 {
      %x = memref.load %rows[%m, %i] : memref<?x4xf32>
      memref.store %x, %latent[%m, %i] : memref<?x3xf32>
    }
  }
  %values = builtin.unrealized_conversion_cast %latent : memref<?x3xf32> to tensor<?x3xf32>
  return %values : tensor<?x3xf32>
}

func.func @step(%batch: !mica.batch, %kv: !kv, %rows: index, %seed: index) -> !kv {
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c6 = arith.constant 6 : index
  %seed1 = arith.addi %seed, %c1 : index
  %q_any = call @fill(%rows, %c6, %seed) : (index, index, index) -> tensor<?x?xf32>
  %q = tensor.cast %q_any : tensor<?x?xf32> to tensor<?x6xf32>
  %k_any = call @fill(%rows, %c4, %seed1) : (index, index, index) -> tensor<?x?xf32>
  %k = tensor.cast %k_any : tensor<?x?xf32> to tensor<?x4xf32>
  %c = call @latents(%k) : (tensor<?x4xf32>) -> tensor<?x3xf32>
  %kv1 = mica.kv_append %kv, %k, %c, %batch : !kv, tensor<?x4xf32>, tensor<?x3xf32>
  %uk = mica.get_weight @keys : !keys
  %uv = mica.get_weight @values : !up
  %0 = mica.latent_attention %q, %kv1, %uk, %uv, %batch {scale = 0.25 : f32, mask = #mica.mask<causal = true>} : tensor<?x6xf32>, !kv, !keys, !up -> tensor<?x4xf32>
  %show = tensor.cast %0 : tensor<?x4xf32> to tensor<?x?xf32>
  call @show(%show) : (tensor<?x?xf32>) -> ()
  return %kv1 : !kv
}

func.func @main() {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %c6 = arith.constant 6 : index
  %key_buffer = memref.alloc() : memref<1x2x4x1x4xf32>
  %value_buffer = memref.alloc() : memref<1x2x4x1x3xf32>
  %key = memref.cast %key_buffer : memref<1x2x4x1x4xf32> to memref<?x?x?x1x4xf32>
  %value = memref.cast %value_buffer : memref<1x2x4x1x3xf32> to memref<?x?x?x1x3xf32>
  %kv = builtin.unrealized_conversion_cast %key, %value, %c0 : memref<?x?x?x1x4xf32>, memref<?x?x?x1x3xf32>, index to !kv
  %batch0 = call @prefill() : () -> !mica.batch
  %kv0 = call @step(%batch0, %kv, %c4, %c0) : (!mica.batch, !kv, index, index) -> !kv
  %batch1 = call @decode() : () -> !mica.batch
  %kv1 = call @step(%batch1, %kv0, %c3, %c3) : (!mica.batch, !kv, index, index) -> !kv
  %w = mica.get_weight @values : !up
  %p = mica.get_weight @keys : !keys
  %x_any = call @fill(%c2, %c6, %c0) : (index, index, index) -> tensor<?x?xf32>
  %x = tensor.cast %x_any : tensor<?x?xf32> to tensor<?x6xf32>
  %y = mica.head_linear %x, %w : tensor<?x6xf32>, !up -> tensor<?x4xf32>
  %show_y = tensor.cast %y : tensor<?x4xf32> to tensor<?x?xf32>
  call @show(%show_y) : (tensor<?x?xf32>) -> ()
  %z = mica.head_linear %x, %p : tensor<?x6xf32>, !keys -> tensor<?x8xf32>
  %show_z = tensor.cast %z : tensor<?x8xf32> to tensor<?x?xf32>
  call @show(%show_z) : (tensor<?x?xf32>) -> ()
  // prefill
  // CHECK: sizes = [4, 4]
  // CHECK-NEXT{LITERAL}: [-0.375, -1.9375, 1.375, -1]
  // CHECK-NEXT{LITERAL}: [-0.375, 0.470453, 0.282107, -0.069878]
  // CHECK-NEXT{LITERAL}: [-0.375, 0.255987, -0.887703, 1.0305]
  // CHECK-NEXT{LITERAL}: [-0.375, 1.375, -2.5625, 3.25]
  // decode
  // CHECK: sizes = [3, 4]
  // CHECK-NEXT{LITERAL}: [-0.375, 1.07454, -0.909031, 1.10331]
  // CHECK-NEXT{LITERAL}: [-0.375, 1.53695, -2.2088, 2.63102]
  // CHECK-NEXT{LITERAL}: [-0.375, 1.43043, -2.3356, 2.85293]
  // head_linear
  // CHECK: sizes = [2, 4]
  // CHECK-NEXT{LITERAL}: [-0.375, -1.3125, -1.8125, 1.9375]
  // CHECK-NEXT{LITERAL}: [-0.375, -1.6875, -2.5625, 3.25]
  // one column of a head passes
  // CHECK: sizes = [2, 8]
  // CHECK-NEXT{LITERAL}: [-0.6875, -1, -1.3125, -1.25, 1, 0.875, 0.75, 0.75]
  // CHECK-NEXT{LITERAL}: [-1.4375, -1.375, -1.3125, -0.5, 1.375, 1.625, 1.875, 1.5]
  return
}
