// RUN: cat %s %S/Inputs/fill.inc | mica-opt -mica-reference -mica-reference-to-llvm \
// RUN:   | %runner | FileCheck %s

// Values computed by `literals.py attention`, beside this file.

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

!kv = !mica.kv<heads = 2, key = 3, value = 2, element = f32, page = 16, window = 0>

// Appends, then attends with four query heads, two for each head of the cache.
func.func @step(%batch: !mica.batch, %kv: !kv, %rows: index, %seed: index) -> !kv {
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %c6 = arith.constant 6 : index
  %c12 = arith.constant 12 : index
  %seed1 = arith.addi %seed, %c1 : index
  %seed2 = arith.addi %seed, %c2 : index
  %q_any = call @fill(%rows, %c12, %seed) : (index, index, index) -> tensor<?x?xf32>
  %q = tensor.cast %q_any : tensor<?x?xf32> to tensor<?x12xf32>
  %k_any = call @fill(%rows, %c6, %seed1) : (index, index, index) -> tensor<?x?xf32>
  %k = tensor.cast %k_any : tensor<?x?xf32> to tensor<?x6xf32>
  %v_any = call @fill(%rows, %c4, %seed2) : (index, index, index) -> tensor<?x?xf32>
  %v = tensor.cast %v_any : tensor<?x?xf32> to tensor<?x4xf32>
  %kv1 = mica.kv_append %kv, %k, %v, %batch : !kv, tensor<?x6xf32>, tensor<?x4xf32>
  %0 = mica.attention %q, %kv1, %batch {heads = 4 : i64, scale = 0.5 : f32, mask = #mica.mask<causal = true>} : tensor<?x12xf32>, !kv -> tensor<?x8xf32>
  %show1 = tensor.cast %0 : tensor<?x8xf32> to tensor<?x?xf32>
  call @show(%show1) : (tensor<?x?xf32>) -> ()
  %1 = mica.attention %q, %kv1, %batch {heads = 4 : i64, scale = 0.5 : f32, mask = #mica.mask<causal = true, window = 2>} : tensor<?x12xf32>, !kv -> tensor<?x8xf32>
  %show2 = tensor.cast %1 : tensor<?x8xf32> to tensor<?x?xf32>
  call @show(%show2) : (tensor<?x?xf32>) -> ()
  %2 = mica.attention %q, %kv1, %batch {heads = 4 : i64, scale = 0.5 : f32, softcap = 1.5 : f32, mask = #mica.mask<causal = true>} : tensor<?x12xf32>, !kv -> tensor<?x8xf32>
  %show3 = tensor.cast %2 : tensor<?x8xf32> to tensor<?x?xf32>
  call @show(%show3) : (tensor<?x?xf32>) -> ()
  %3 = mica.attention %q, %kv1, %batch {heads = 4 : i64, scale = 0.5 : f32, mask = #mica.mask<causal = false>} : tensor<?x12xf32>, !kv -> tensor<?x8xf32>
  %show4 = tensor.cast %3 : tensor<?x8xf32> to tensor<?x?xf32>
  call @show(%show4) : (tensor<?x?xf32>) -> ()
  return %kv1 : !kv
}

func.func @main() {
  %c0 = arith.constant 0 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %key_buffer = memref.alloc() : memref<1x2x4x2x3xf32>
  %value_buffer = memref.alloc() : memref<1x2x4x2x2xf32>
  %key = memref.cast %key_buffer : memref<1x2x4x2x3xf32> to memref<?x?x?x2x3xf32>
  %value = memref.cast %value_buffer : memref<1x2x4x2x2xf32> to memref<?x?x?x2x2xf32>
  %kv = builtin.unrealized_conversion_cast %key, %value, %c0 : memref<?x?x?x2x3xf32>, memref<?x?x?x2x2xf32>, index to !kv

  %batch0 = call @prefill() : () -> !mica.batch
  %kv0 = call @step(%batch0, %kv, %c4, %c0) : (!mica.batch, !kv, index, index) -> !kv
  // causal, prefill
  // CHECK: sizes = [4, 8]
  // CHECK-NEXT{LITERAL}: [1, -0.5, 1, -0.5, 1.25, -0.25, 1.25, -0.25]
  // CHECK-NEXT{LITERAL}: [1.43874, -0.0612616, 1.09357, -0.406434, -0.379833, 0.0463333, -0.25353, 0.0233691]
  // CHECK-NEXT{LITERAL}: [0.416667, 0, 0.312963, 0.168777, 0.0434802, 0.0145303, -0.886179, 0.576221]
  // CHECK-NEXT{LITERAL}: [-0.75, 1, -0.75, 1, -0.5, 1.25, -0.5, 1.25]
  // window, prefill
  // CHECK: sizes = [4, 8]
  // CHECK-NEXT{LITERAL}: [1, -0.5, 1, -0.5, 1.25, -0.25, 1.25, -0.25]
  // CHECK-NEXT{LITERAL}: [1.43874, -0.0612616, 1.09357, -0.406434, -0.379833, 0.0463333, -0.25353, 0.0233691]
  // CHECK-NEXT{LITERAL}: [0.125, 0.25, 0.25353, 0.226631, -1.41557, 0.334428, -1.09357, 0.656434]
  // CHECK-NEXT{LITERAL}: [-0.75, 1, -0.75, 1, -0.5, 1.25, -0.5, 1.25]
  // softcap, prefill
  // CHECK: sizes = [4, 8]
  // CHECK-NEXT{LITERAL}: [1, -0.5, 1, -0.5, 1.25, -0.25, 1.25, -0.25]
  // CHECK-NEXT{LITERAL}: [1.4239, -0.0760988, 1.10359, -0.396409, -0.282329, 0.0286052, -0.224198, 0.0180359]
  // CHECK-NEXT{LITERAL}: [0.416667, 0, 0.297212, 0.163076, -0.06878, 0.0455812, -0.803231, 0.532011]
  // CHECK-NEXT{LITERAL}: [-0.75, 1, -0.75, 1, -0.5, 1.25, -0.5, 1.25]
  // bidirectional, prefill
  // CHECK: sizes = [4, 8]
  // CHECK-NEXT{LITERAL}: [0.92706, -0.329358, 0.134544, 0.201749, -0.134544, 0.0482515, -0.92706, 0.579358]
  // CHECK-NEXT{LITERAL}: [0.485665, 0.137688, 0.886179, -0.326221, -0.841681, 0.570365, -0.312963, 0.0812227]
  // CHECK-NEXT{LITERAL}: [0.416667, 0, 0.312963, 0.168777, 0.0434802, 0.0145303, -0.886179, 0.576221]
  // CHECK-NEXT{LITERAL}: [-0.75, 1, -0.75, 1, -0.5, 1.25, -0.5, 1.25]

  %batch1 = call @decode() : () -> !mica.batch
  %kv1 = call @step(%batch1, %kv0, %c3, %c3) : (!mica.batch, !kv, index, index) -> !kv
  // causal, decode
  // CHECK: sizes = [3, 8]
  // CHECK-NEXT{LITERAL}: [0.938028, -0.273479, 0.1328, 0.214241, -0.816717, 0.15725, -0.119494, 0.0287498]
  // CHECK-NEXT{LITERAL}: [-1.1853, 0.564701, -0.814701, 0.935299, -0.580133, 1.16987, -0.570168, 1.17983]
  // CHECK-NEXT{LITERAL}: [-0.763432, 0.986568, -1.17349, 0.576507, -0.876889, 0.873111, -0.666667, 1.08333]
  // window, decode
  // CHECK: sizes = [3, 8]
  // CHECK-NEXT{LITERAL}: [0.461763, 0.18877, -0.440909, 0.352893, -1.42983, 0.320168, -1.41987, 0.330133]
  // CHECK-NEXT{LITERAL}: [-1.1853, 0.564701, -0.814701, 0.935299, -0.580133, 1.16987, -0.570168, 1.17983]
  // CHECK-NEXT{LITERAL}: [-0.773713, 0.976287, -1.21096, 0.539039, -0.931696, 0.818304, -0.75, 1]
  // softcap, decode
  // CHECK: sizes = [3, 8]
  // CHECK-NEXT{LITERAL}: [0.896829, -0.242867, 0.366084, 0.161985, -0.791941, 0.160019, -0.424575, 0.0983051]
  // CHECK-NEXT{LITERAL}: [-1.1718, 0.578205, -0.828205, 0.921795, -0.599408, 1.15059, -0.584284, 1.16572]
  // CHECK-NEXT{LITERAL}: [-0.775417, 0.974583, -1.14298, 0.607017, -0.857712, 0.892288, -0.666667, 1.08333]
  // bidirectional, decode
  // CHECK: sizes = [3, 8]
  // CHECK-NEXT{LITERAL}: [0.938028, -0.273479, 0.1328, 0.214241, -0.816717, 0.15725, -0.119494, 0.0287498]
  // CHECK-NEXT{LITERAL}: [-1.13679, 0.613213, -0.784085, 0.965915, -0.549638, 1.20036, -0.534996, 1.215]
  // CHECK-NEXT{LITERAL}: [-0.763432, 0.986568, -1.17349, 0.576507, -0.876889, 0.873111, -0.666667, 1.08333]
  return
}
