// RUN: cat %s %S/Inputs/fill.inc | mica-opt -mica-reference -mica-reference-to-llvm \
// RUN:   | %runner | FileCheck %s

// Values computed by `literals.py cache-ops`, beside this file.

!kv = !mica.kv<heads = 2, key = 4, value = 2, element = f32, page = 16, window = 0>
!view = !mica.kv<heads = 1, key = 4, value = 2, element = f32, page = 16, window = 0>
!small = !mica.kv<heads = 2, key = 4, value = 2, element = i8, page = 16, window = 0>

memref.global "private" constant @from : memref<2xi32> = dense<[1, 1]>
memref.global "private" constant @shift : memref<2xi32> = dense<[2, -1]>
memref.global "private" constant @into : memref<2x6xi32> = dense<[[0, 0, 2, 2, 4, 0], [0, 3, 2, 0, 0, 0]]>

memref.global "private" constant @token : memref<8xi32> = dense<[0, 0, 0, 0, 0, 0, 0, 0]>
memref.global "private" constant @position : memref<8xi32> = dense<[0, 1, 2, 3, 4, 0, 1, 2]>
memref.global "private" constant @row_start : memref<3xi32> = dense<[0, 5, 8]>
memref.global "private" constant @out_row : memref<1xi32> = dense<[4]>
memref.global "private" constant @length : memref<2xi32> = dense<[5, 3]>

func.func @batch() -> !mica.batch {
  %token_list = memref.get_global @token : memref<8xi32>
  %token = memref.cast %token_list : memref<8xi32> to memref<?xi32>
  %position_list = memref.get_global @position : memref<8xi32>
  %position = memref.cast %position_list : memref<8xi32> to memref<?xi32>
  %row_start_list = memref.get_global @row_start : memref<3xi32>
  %row_start = memref.cast %row_start_list : memref<3xi32> to memref<?xi32>
  %out_row_list = memref.get_global @out_row : memref<1xi32>
  %out_row = memref.cast %out_row_list : memref<1xi32> to memref<?xi32>
  %length_list = memref.get_global @length : memref<2xi32>
  %length = memref.cast %length_list : memref<2xi32> to memref<?xi32>
  %batch = builtin.unrealized_conversion_cast %token, %position, %row_start, %out_row, %length : memref<?xi32>, memref<?xi32>, memref<?xi32>, memref<?xi32>, memref<?xi32> to !mica.batch
  return %batch : !mica.batch
}

// A cache of 5 and 3 tokens.
func.func @filled(%batch: !mica.batch) -> !kv {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %key_buffer = memref.alloc() : memref<1x2x6x2x4xf32>
  %value_buffer = memref.alloc() : memref<1x2x6x2x2xf32>
  %key = memref.cast %key_buffer : memref<1x2x6x2x4xf32> to memref<?x?x?x2x4xf32>
  %value = memref.cast %value_buffer : memref<1x2x6x2x2xf32> to memref<?x?x?x2x2xf32>
  %kv = builtin.unrealized_conversion_cast %key, %value, %c0 : memref<?x?x?x2x4xf32>, memref<?x?x?x2x2xf32>, index to !kv
  %k_any = call @fill(%c8, %c8, %c1) : (index, index, index) -> tensor<?x?xf32>
  %k = tensor.cast %k_any : tensor<?x?xf32> to tensor<?x8xf32>
  %v_any = call @fill(%c8, %c4, %c2) : (index, index, index) -> tensor<?x?xf32>
  %v = tensor.cast %v_any : tensor<?x?xf32> to tensor<?x4xf32>
  %kv1 = mica.kv_import %kv, %k, %v, %batch : !kv, tensor<?x8xf32>, tensor<?x4xf32>
  return %kv1 : !kv
}

func.func @main() {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %c6 = arith.constant 6 : index
  %c8 = arith.constant 8 : index
  %batch = call @batch() : () -> !mica.batch
  %from_list = memref.get_global @from : memref<2xi32>
  %from_any = memref.cast %from_list : memref<2xi32> to memref<?xi32>
  %from = builtin.unrealized_conversion_cast %from_any : memref<?xi32> to tensor<?xi32>
  %shift_list = memref.get_global @shift : memref<2xi32>
  %shift_any = memref.cast %shift_list : memref<2xi32> to memref<?xi32>
  %shift = builtin.unrealized_conversion_cast %shift_any : memref<?xi32> to tensor<?xi32>
  %into_list = memref.get_global @into : memref<2x6xi32>
  %into_any = memref.cast %into_list : memref<2x6xi32> to memref<?x?xi32>
  %into = builtin.unrealized_conversion_cast %into_any : memref<?x?xi32> to tensor<?x?xi32>
  %scores = call @fill(%c2, %c6, %c0) : (index, index, index) -> tensor<?x?xf32>
  %kv0 = call @filled(%batch) : (!mica.batch) -> !kv
  %import_k, %import_v = mica.kv_export %kv0, %batch : !kv -> tensor<?x8xf32>, tensor<?x4xf32>
  %show1 = tensor.cast %import_k : tensor<?x8xf32> to tensor<?x?xf32>
  call @show(%show1) : (tensor<?x?xf32>) -> ()
  // kv_import, kv_export: keys
  // CHECK: sizes = [8, 8]
  // CHECK-NEXT{LITERAL}: [-0.25, 1.5, 0, -1.5, 0.25, -1.25, 0.5, -1]
  // CHECK-NEXT{LITERAL}: [0.75, -0.75, 1, -0.5, 1.25, -0.25, 1.5, 0]
  // CHECK-NEXT{LITERAL}: [-1.5, 0.25, -1.25, 0.5, -1, 0.75, -0.75, 1]
  // CHECK-NEXT{LITERAL}: [-0.5, 1.25, -0.25, 1.5, 0, -1.5, 0.25, -1.25]
  // CHECK-NEXT{LITERAL}: [0.5, -1, 0.75, -0.75, 1, -0.5, 1.25, -0.25]
  // CHECK-NEXT{LITERAL}: [1.5, 0, -1.5, 0.25, -1.25, 0.5, -1, 0.75]
  // CHECK-NEXT{LITERAL}: [-0.75, 1, -0.5, 1.25, -0.25, 1.5, 0, -1.5]
  // CHECK-NEXT{LITERAL}: [0.25, -1.25, 0.5, -1, 0.75, -0.75, 1, -0.5]
  %show2 = tensor.cast %import_v : tensor<?x4xf32> to tensor<?x?xf32>
  call @show(%show2) : (tensor<?x?xf32>) -> ()
  // kv_import, kv_export: values
  // CHECK: sizes = [8, 4]
  // CHECK-NEXT{LITERAL}: [1, -0.5, 1.25, -0.25]
  // CHECK-NEXT{LITERAL}: [1.5, 0, -1.5, 0.25]
  // CHECK-NEXT{LITERAL}: [-1.25, 0.5, -1, 0.75]
  // CHECK-NEXT{LITERAL}: [-0.75, 1, -0.5, 1.25]
  // CHECK-NEXT{LITERAL}: [-0.25, 1.5, 0, -1.5]
  // CHECK-NEXT{LITERAL}: [0.25, -1.25, 0.5, -1]
  // CHECK-NEXT{LITERAL}: [0.75, -0.75, 1, -0.5]
  // CHECK-NEXT{LITERAL}: [1.25, -0.25, 1.5, 0]
  %kv1 = call @filled(%batch) : (!mica.batch) -> !kv
  %fork, %fork_next = mica.kv_fork %kv1, %from, %batch : !kv, tensor<?xi32>
  %fork_k, %fork_v = mica.kv_export %fork, %fork_next : !kv -> tensor<?x8xf32>, tensor<?x4xf32>
  %show3 = tensor.cast %fork_k : tensor<?x8xf32> to tensor<?x?xf32>
  call @show(%show3) : (tensor<?x?xf32>) -> ()
  // kv_fork: keys
  // CHECK: sizes = [6, 8]
  // CHECK-NEXT{LITERAL}: [1.5, 0, -1.5, 0.25, -1.25, 0.5, -1, 0.75]
  // CHECK-NEXT{LITERAL}: [-0.75, 1, -0.5, 1.25, -0.25, 1.5, 0, -1.5]
  // CHECK-NEXT{LITERAL}: [0.25, -1.25, 0.5, -1, 0.75, -0.75, 1, -0.5]
  // CHECK-NEXT{LITERAL}: [1.5, 0, -1.5, 0.25, -1.25, 0.5, -1, 0.75]
  // CHECK-NEXT{LITERAL}: [-0.75, 1, -0.5, 1.25, -0.25, 1.5, 0, -1.5]
  // CHECK-NEXT{LITERAL}: [0.25, -1.25, 0.5, -1, 0.75, -0.75, 1, -0.5]
  %show4 = tensor.cast %fork_v : tensor<?x4xf32> to tensor<?x?xf32>
  call @show(%show4) : (tensor<?x?xf32>) -> ()
  // kv_fork: values
  // CHECK: sizes = [6, 4]
  // CHECK-NEXT{LITERAL}: [0.25, -1.25, 0.5, -1]
  // CHECK-NEXT{LITERAL}: [0.75, -0.75, 1, -0.5]
  // CHECK-NEXT{LITERAL}: [1.25, -0.25, 1.5, 0]
  // CHECK-NEXT{LITERAL}: [0.25, -1.25, 0.5, -1]
  // CHECK-NEXT{LITERAL}: [0.75, -0.75, 1, -0.5]
  // CHECK-NEXT{LITERAL}: [1.25, -0.25, 1.5, 0]
  %kv2 = call @filled(%batch) : (!mica.batch) -> !kv
  %evict, %evict_next = mica.kv_evict %kv2, %scores, %batch {budget = 3 : i64, recent = 1 : i64} : !kv, tensor<?x?xf32>
  %evict_k, %evict_v = mica.kv_export %evict, %evict_next : !kv -> tensor<?x8xf32>, tensor<?x4xf32>
  %show5 = tensor.cast %evict_k : tensor<?x8xf32> to tensor<?x?xf32>
  call @show(%show5) : (tensor<?x?xf32>) -> ()
  // kv_evict: keys
  // CHECK: sizes = [6, 8]
  // CHECK-NEXT{LITERAL}: [0.75, -0.75, 1, -0.5, 1.25, -0.25, 1.5, 0]
  // CHECK-NEXT{LITERAL}: [-0.5, 1.25, -0.25, 1.5, 0, -1.5, 0.25, -1.25]
  // CHECK-NEXT{LITERAL}: [0.5, -1, 0.75, -0.75, 1, -0.5, 1.25, -0.25]
  // CHECK-NEXT{LITERAL}: [1.5, 0, -1.5, 0.25, -1.25, 0.5, -1, 0.75]
  // CHECK-NEXT{LITERAL}: [-0.75, 1, -0.5, 1.25, -0.25, 1.5, 0, -1.5]
  // CHECK-NEXT{LITERAL}: [0.25, -1.25, 0.5, -1, 0.75, -0.75, 1, -0.5]
  %show6 = tensor.cast %evict_v : tensor<?x4xf32> to tensor<?x?xf32>
  call @show(%show6) : (tensor<?x?xf32>) -> ()
  // kv_evict: values
  // CHECK: sizes = [6, 4]
  // CHECK-NEXT{LITERAL}: [1.5, 0, -1.5, 0.25]
  // CHECK-NEXT{LITERAL}: [-0.75, 1, -0.5, 1.25]
  // CHECK-NEXT{LITERAL}: [-0.25, 1.5, 0, -1.5]
  // CHECK-NEXT{LITERAL}: [0.25, -1.25, 0.5, -1]
  // CHECK-NEXT{LITERAL}: [0.75, -0.75, 1, -0.5]
  // CHECK-NEXT{LITERAL}: [1.25, -0.25, 1.5, 0]
  %kv3 = call @filled(%batch) : (!mica.batch) -> !kv
  %merge, %merge_next = mica.kv_merge %kv3, %into, %batch : !kv, tensor<?x?xi32>
  %merge_k, %merge_v = mica.kv_export %merge, %merge_next : !kv -> tensor<?x8xf32>, tensor<?x4xf32>
  %show7 = tensor.cast %merge_k : tensor<?x8xf32> to tensor<?x?xf32>
  call @show(%show7) : (tensor<?x?xf32>) -> ()
  // kv_merge: keys
  // CHECK: sizes = [5, 8]
  // CHECK-NEXT{LITERAL}: [0.25, 0.375, 0.5, -1, 0.75, -0.75, 1, -0.5]
  // CHECK-NEXT{LITERAL}: [-1, 0.75, -0.75, 1, -0.5, -0.375, -0.25, -0.125]
  // CHECK-NEXT{LITERAL}: [0.5, -1, 0.75, -0.75, 1, -0.5, 1.25, -0.25]
  // CHECK-NEXT{LITERAL}: [1.5, 0, -1.5, 0.25, -1.25, 0.5, -1, 0.75]
  // CHECK-NEXT{LITERAL}: [0.25, -1.25, 0.5, -1, 0.75, -0.75, 1, -0.5]
  %show8 = tensor.cast %merge_v : tensor<?x4xf32> to tensor<?x?xf32>
  call @show(%show8) : (tensor<?x?xf32>) -> ()
  // kv_merge: values
  // CHECK: sizes = [5, 4]
  // CHECK-NEXT{LITERAL}: [1.25, -0.25, -0.125, 0]
  // CHECK-NEXT{LITERAL}: [-1, 0.75, -0.75, 1]
  // CHECK-NEXT{LITERAL}: [-0.25, 1.5, 0, -1.5]
  // CHECK-NEXT{LITERAL}: [0.25, -1.25, 0.5, -1]
  // CHECK-NEXT{LITERAL}: [1.25, -0.25, 1.5, 0]
  %kv4 = call @filled(%batch) : (!mica.batch) -> !kv
  %turn = mica.rope_shift %kv4, %shift, %batch {frequencies = array<f32: 1.0, 0.5>} : !kv, tensor<?xi32>
  %turn_k, %turn_v = mica.kv_export %turn, %batch : !kv -> tensor<?x8xf32>, tensor<?x4xf32>
  %show9 = tensor.cast %turn_k : tensor<?x8xf32> to tensor<?x?xf32>
  call @show(%show9) : (tensor<?x?xf32>) -> ()
  // rope_shift: keys
  // CHECK: sizes = [8, 8]
  // CHECK-NEXT{LITERAL}: [0.104037, 2.07266, -0.227324, 0.451753, -0.558685, 0.166093, 0.0192509, -1.59214]
  // CHECK-NEXT{LITERAL}: [-1.22141, 0.0155088, 0.265826, -0.901254, -1.88413, -0.135076, 0.512402, -0.210368]
  // CHECK-NEXT{LITERAL}: [1.76084, -0.28566, -0.843763, 0.480519, 1.09812, -0.436244, -0.597187, 1.17141]
  // CHECK-NEXT{LITERAL}: [0.435398, -0.586829, -0.350612, 1.86229, -0.227324, 0.241385, -0.104037, -1.93758]
  // CHECK-NEXT{LITERAL}: [-0.890046, 0.0908009, 0.142539, -1.2467, -1.55277, -0.0597834, 0.389114, -0.555811]
  // CHECK-NEXT{LITERAL}: [-0.451753, 0.119856, -2.07266, 0.219396, -1.51685, 0.79836, 0.511536, 0.418474]
  // CHECK-NEXT{LITERAL}: [-0.825962, 1.47686, 0.360952, 0.617553, -0.135076, 0.597236, 0.210368, -2.03551]
  // CHECK-NEXT{LITERAL}: [0.555811, -1.5764, 0.0597834, -0.278301, 1.2467, -0.8979, -0.0908009, -0.0792221]
  %show10 = tensor.cast %turn_v : tensor<?x4xf32> to tensor<?x?xf32>
  call @show(%show10) : (tensor<?x?xf32>) -> ()
  // rope_shift: values
  // CHECK: sizes = [8, 4]
  // CHECK-NEXT{LITERAL}: [1, -0.5, 1.25, -0.25]
  // CHECK-NEXT{LITERAL}: [1.5, 0, -1.5, 0.25]
  // CHECK-NEXT{LITERAL}: [-1.25, 0.5, -1, 0.75]
  // CHECK-NEXT{LITERAL}: [-0.75, 1, -0.5, 1.25]
  // CHECK-NEXT{LITERAL}: [-0.25, 1.5, 0, -1.5]
  // CHECK-NEXT{LITERAL}: [0.25, -1.25, 0.5, -1]
  // CHECK-NEXT{LITERAL}: [0.75, -0.75, 1, -0.5]
  // CHECK-NEXT{LITERAL}: [1.25, -0.25, 1.5, 0]
  %kv5 = call @filled(%batch) : (!mica.batch) -> !kv
  %view = mica.kv_view %kv5 {first = 1 : i64} : !kv -> !view
  %view_k, %view_v = mica.kv_export %view, %batch : !view -> tensor<?x4xf32>, tensor<?x2xf32>
  %show11 = tensor.cast %view_k : tensor<?x4xf32> to tensor<?x?xf32>
  call @show(%show11) : (tensor<?x?xf32>) -> ()
  // kv_view: keys
  // CHECK: sizes = [8, 4]
  // CHECK-NEXT{LITERAL}: [0.25, -1.25, 0.5, -1]
  // CHECK-NEXT{LITERAL}: [1.25, -0.25, 1.5, 0]
  // CHECK-NEXT{LITERAL}: [-1, 0.75, -0.75, 1]
  // CHECK-NEXT{LITERAL}: [0, -1.5, 0.25, -1.25]
  // CHECK-NEXT{LITERAL}: [1, -0.5, 1.25, -0.25]
  // CHECK-NEXT{LITERAL}: [-1.25, 0.5, -1, 0.75]
  // CHECK-NEXT{LITERAL}: [-0.25, 1.5, 0, -1.5]
  // CHECK-NEXT{LITERAL}: [0.75, -0.75, 1, -0.5]
  %show12 = tensor.cast %view_v : tensor<?x2xf32> to tensor<?x?xf32>
  call @show(%show12) : (tensor<?x?xf32>) -> ()
  // kv_view: values
  // CHECK: sizes = [8, 2]
  // CHECK-NEXT{LITERAL}: [1.25, -0.25]
  // CHECK-NEXT{LITERAL}: [-1.5, 0.25]
  // CHECK-NEXT{LITERAL}: [-1, 0.75]
  // CHECK-NEXT{LITERAL}: [-0.5, 1.25]
  // CHECK-NEXT{LITERAL}: [0, -1.5]
  // CHECK-NEXT{LITERAL}: [0.5, -1]
  // CHECK-NEXT{LITERAL}: [1, -0.5]
  // CHECK-NEXT{LITERAL}: [1.5, 0]
  %kv6 = call @filled(%batch) : (!mica.batch) -> !kv
  %small = mica.kv_quantize %kv6, %batch : !kv -> !small
  %small_k, %small_v = mica.kv_export %small, %batch : !small -> tensor<?x8xf32>, tensor<?x4xf32>
  %show13 = tensor.cast %small_k : tensor<?x8xf32> to tensor<?x?xf32>
  call @show(%show13) : (tensor<?x?xf32>) -> ()
  // kv_quantize: keys
  // CHECK: sizes = [8, 8]
  // CHECK-NEXT{LITERAL}: [-0.248016, 1.49991, 0, -1.49991, 0.246048, -1.24992, 0.501938, -1.00388]
  // CHECK-NEXT{LITERAL}: [0.747986, -0.747986, 0.999939, -0.503906, 1.25189, -0.248016, 1.49991, 0]
  // CHECK-NEXT{LITERAL}: [-1.49991, 0.248016, -1.25189, 0.496033, -0.999939, 0.747986, -0.747986, 0.999939]
  // CHECK-NEXT{LITERAL}: [-0.496033, 1.25189, -0.248016, 1.49991, 0, -1.49991, 0.248016, -1.25189]
  // CHECK-NEXT{LITERAL}: [0.503906, -0.999939, 0.747986, -0.747986, 1.00388, -0.501938, 1.24992, -0.246048]
  // CHECK-NEXT{LITERAL}: [1.49991, 0, -1.49991, 0.248016, -1.24992, 0.501938, -1.00388, 0.747986]
  // CHECK-NEXT{LITERAL}: [-0.747986, 1.00388, -0.501938, 1.24992, -0.248016, 1.49991, 0, -1.49991]
  // CHECK-NEXT{LITERAL}: [0.246048, -1.24992, 0.501938, -1.00388, 0.747986, -0.747986, 0.999939, -0.503906]
  %show14 = tensor.cast %small_v : tensor<?x4xf32> to tensor<?x?xf32>
  call @show(%show14) : (tensor<?x?xf32>) -> ()
  // kv_quantize: values
  // CHECK: sizes = [8, 4]
  // CHECK-NEXT{LITERAL}: [0.999939, -0.503906, 1.24992, -0.246048]
  // CHECK-NEXT{LITERAL}: [1.49991, 0, -1.49991, 0.248016]
  // CHECK-NEXT{LITERAL}: [-1.24992, 0.501938, -0.999939, 0.747986]
  // CHECK-NEXT{LITERAL}: [-0.747986, 0.999939, -0.501938, 1.24992]
  // CHECK-NEXT{LITERAL}: [-0.248016, 1.49991, 0, -1.49991]
  // CHECK-NEXT{LITERAL}: [0.246048, -1.24992, 0.503906, -0.999939]
  // CHECK-NEXT{LITERAL}: [0.749954, -0.749954, 0.999939, -0.503906]
  // CHECK-NEXT{LITERAL}: [1.24992, -0.246048, 1.49991, 0]
  return
}
