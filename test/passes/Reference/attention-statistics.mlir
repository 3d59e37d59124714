// RUN: cat %s %S/Inputs/fill.inc | mica-opt -mica-reference -mica-reference-to-llvm \
// RUN:   | %runner | FileCheck %s

// Values computed by `literals.py attention-statistics`, beside this file.

!kv = !mica.kv<heads = 2, key = 3, value = 2, element = f32, page = 16, window = 0>

memref.global "private" constant @segments : memref<6x1xi32> = dense<[[0], [0], [1], [1], [1], [0]]>
memref.global "private" constant @blocks : memref<6x2xi32> = dense<[[0, -1], [0, 0], [1, -1], [1, 0], [2, 0], [-1, -1]]>
memref.global "private" constant @token : memref<6xi32> = dense<0>
memref.global "private" constant @position : memref<6xi32> = dense<[0, 1, 2, 3, 4, 5]>
memref.global "private" constant @row_start : memref<2xi32> = dense<[0, 6]>
memref.global "private" constant @out_row : memref<1xi32> = dense<[5]>
memref.global "private" constant @length : memref<1xi32> = dense<[6]>

func.func @batch() -> !mica.batch {
  %token_list = memref.get_global @token : memref<6xi32>
  %token = memref.cast %token_list : memref<6xi32> to memref<?xi32>
  %position_list = memref.get_global @position : memref<6xi32>
  %position = memref.cast %position_list : memref<6xi32> to memref<?xi32>
  %row_start_list = memref.get_global @row_start : memref<2xi32>
  %row_start = memref.cast %row_start_list : memref<2xi32> to memref<?xi32>
  %out_row_list = memref.get_global @out_row : memref<1xi32>
  %out_row = memref.cast %out_row_list : memref<1xi32> to memref<?xi32>
  %length_list = memref.get_global @length : memref<1xi32>
  %length = memref.cast %length_list : memref<1xi32> to memref<?xi32>
  %batch = builtin.unrealized_conversion_cast %token, %position, %row_start, %out_row, %length : memref<?xi32>, memref<?xi32>, memref<?xi32>, memref<?xi32>, memref<?xi32> to !mica.batch
  return %batch : !mica.batch
}

func.func @main() {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %c6 = arith.constant 6 : index
  %c12 = arith.constant 12 : index
  %key_buffer = memref.alloc() : memref<1x1x6x2x3xf32>
  %value_buffer = memref.alloc() : memref<1x1x6x2x2xf32>
  %key = memref.cast %key_buffer : memref<1x1x6x2x3xf32> to memref<?x?x?x2x3xf32>
  %value = memref.cast %value_buffer : memref<1x1x6x2x2xf32> to memref<?x?x?x2x2xf32>
  %kv = builtin.unrealized_conversion_cast %key, %value, %c0 : memref<?x?x?x2x3xf32>, memref<?x?x?x2x2xf32>, index to !kv
  %batch = call @batch() : () -> !mica.batch
  %q_any = call @fill(%c6, %c12, %c0) : (index, index, index) -> tensor<?x?xf32>
  %q = tensor.cast %q_any : tensor<?x?xf32> to tensor<?x12xf32>
  %k_any = call @fill(%c6, %c6, %c1) : (index, index, index) -> tensor<?x?xf32>
  %k = tensor.cast %k_any : tensor<?x?xf32> to tensor<?x6xf32>
  %v_any = call @fill(%c6, %c4, %c2) : (index, index, index) -> tensor<?x?xf32>
  %v = tensor.cast %v_any : tensor<?x?xf32> to tensor<?x4xf32>
  %kv1 = mica.kv_append %kv, %k, %v, %batch : !kv, tensor<?x6xf32>, tensor<?x4xf32>

  %lse, %scores = mica.attention_statistics %q, %kv1, %batch {heads = 4 : i64, scale = 0.5 : f32, mask = #mica.mask<causal = true>} : tensor<?x12xf32>, !kv -> tensor<?x4xf32>, tensor<?x?xf32>
  %show1 = tensor.cast %lse : tensor<?x4xf32> to tensor<?x?xf32>
  call @show(%show1) : (tensor<?x?xf32>) -> ()
  // log_sum
  // CHECK: sizes = [6, 4]
  // CHECK-NEXT{LITERAL}: [0.375, -0.8125, 1, -1.90625]
  // CHECK-NEXT{LITERAL}: [0.974455, 0.738437, -0.383127, 1.47879]
  // CHECK-NEXT{LITERAL}: [0.911112, 1.56175, 1.91513, 0.831092]
  // CHECK-NEXT{LITERAL}: [1.79706, 1.95467, 1.73608, 1.79858]
  // CHECK-NEXT{LITERAL}: [2.40611, 1.62744, 2.24742, 1.85522]
  // CHECK-NEXT{LITERAL}: [2.16812, 1.60426, 1.97513, 2.38573]
  call @show(%scores) : (tensor<?x?xf32>) -> ()
  // scores
  // CHECK: sizes = [1, 6]
  // CHECK-NEXT{LITERAL}: [9.69384, 5.75174, 4.12738, 2.89565, 0.988705, 0.54268]
  %segments_list = memref.get_global @segments : memref<6x1xi32>
  %segments_rows = memref.cast %segments_list : memref<6x1xi32> to memref<?x1xi32>
  %segments = builtin.unrealized_conversion_cast %segments_rows : memref<?x1xi32> to tensor<?x1xi32>
  %by_segments = mica.attention %q, %kv1, %batch segments(%segments : tensor<?x1xi32>) {heads = 4 : i64, scale = 0.5 : f32, mask = #mica.mask<causal = true>} : tensor<?x12xf32>, !kv -> tensor<?x8xf32>
  %show2 = tensor.cast %by_segments : tensor<?x8xf32> to tensor<?x?xf32>
  call @show(%show2) : (tensor<?x?xf32>) -> ()
  // segments
  // CHECK: sizes = [6, 8]
  // CHECK-NEXT{LITERAL}: [1, -0.5, 1, -0.5, 1.25, -0.25, 1.25, -0.25]
  // CHECK-NEXT{LITERAL}: [1.43874, -0.0612616, 1.09357, -0.406434, -0.379833, 0.0463333, -0.25353, 0.0233691]
  // CHECK-NEXT{LITERAL}: [-1.25, 0.5, -1.25, 0.5, -1, 0.75, -1, 0.75]
  // CHECK-NEXT{LITERAL}: [-0.897107, 0.852893, -0.764218, 0.985782, -0.73829, 1.01171, -0.76171, 0.98829]
  // CHECK-NEXT{LITERAL}: [-1.16905, 0.580954, -0.970278, 0.779722, -0.436437, -0.225866, -0.601526, 0.676722]
  // CHECK-NEXT{LITERAL}: [0.975234, -0.524766, 0.916667, -0.583333, 0.165112, -0.341225, 0.246733, -0.347505]
  %blocks_list = memref.get_global @blocks : memref<6x2xi32>
  %blocks_rows = memref.cast %blocks_list : memref<6x2xi32> to memref<?x2xi32>
  %blocks = builtin.unrealized_conversion_cast %blocks_rows : memref<?x2xi32> to tensor<?x2xi32>
  %by_blocks = mica.attention %q, %kv1, %batch blocks(%blocks : tensor<?x2xi32>) {block = 2 : i64, heads = 4 : i64, scale = 0.5 : f32, mask = #mica.mask<causal = true>} : tensor<?x12xf32>, !kv -> tensor<?x8xf32>
  %show3 = tensor.cast %by_blocks : tensor<?x8xf32> to tensor<?x?xf32>
  call @show(%show3) : (tensor<?x?xf32>) -> ()
  // blocks
  // CHECK: sizes = [6, 8]
  // CHECK-NEXT{LITERAL}: [1, -0.5, 1, -0.5, 1.25, -0.25, 1.25, -0.25]
  // CHECK-NEXT{LITERAL}: [1.43874, -0.0612616, 1.09357, -0.406434, -0.379833, 0.0463333, -0.25353, 0.0233691]
  // CHECK-NEXT{LITERAL}: [-1.25, 0.5, -1.25, 0.5, -1, 0.75, -1, 0.75]
  // CHECK-NEXT{LITERAL}: [0.278758, 0.0773576, -0.279014, 0.626662, -0.661261, 0.871374, -0.158986, 0.128626]
  // CHECK-NEXT{LITERAL}: [1.18009, 0.107354, 1.22715, 0.134359, 0.280499, -0.2171, -0.171399, -0.802219]
  // CHECK-NEXT{LITERAL}: [0, 0, 0, 0, 0, 0, 0, 0]
  return
}
