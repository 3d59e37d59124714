// RUN: cat %s %S/Inputs/fill.inc | mica-opt -mica-reference -mica-reference-to-llvm \
// RUN:   | %runner | FileCheck %s

// Values computed by `literals.py attention-masks`, beside this file.

!kv = !mica.kv<heads = 2, key = 3, value = 2, element = f32, page = 16, window = 0>

mica.weight @sinks : !mica.weight<4, f32>
  {mica.value = dense<[1.0, -0.5, 1.25, -0.25]> : tensor<4xf32>}

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
  %sinks = mica.get_weight @sinks : !mica.weight<4, f32>
  %q_any = call @fill(%c6, %c12, %c0) : (index, index, index) -> tensor<?x?xf32>
  %q = tensor.cast %q_any : tensor<?x?xf32> to tensor<?x12xf32>
  %k_any = call @fill(%c6, %c6, %c1) : (index, index, index) -> tensor<?x?xf32>
  %k = tensor.cast %k_any : tensor<?x?xf32> to tensor<?x6xf32>
  %v_any = call @fill(%c6, %c4, %c2) : (index, index, index) -> tensor<?x?xf32>
  %v = tensor.cast %v_any : tensor<?x?xf32> to tensor<?x4xf32>
  %kv1 = mica.kv_append %kv, %k, %v, %batch : !kv, tensor<?x6xf32>, tensor<?x4xf32>

  %0 = mica.attention %q, %kv1, %batch {heads = 4 : i64, scale = 0.5 : f32, mask = #mica.mask<causal = true, window = 2, sink = 1>} : tensor<?x12xf32>, !kv -> tensor<?x8xf32>
  %show0 = tensor.cast %0 : tensor<?x8xf32> to tensor<?x?xf32>
  call @show(%show0) : (tensor<?x?xf32>) -> ()
  // window and sink
  // CHECK: sizes = [6, 8]
  // CHECK-NEXT{LITERAL}: [1, -0.5, 1, -0.5, 1.25, -0.25, 1.25, -0.25]
  // CHECK-NEXT{LITERAL}: [1.43874, -0.0612616, 1.09357, -0.406434, -0.379833, 0.0463333, -0.25353, 0.0233691]
  // CHECK-NEXT{LITERAL}: [0.416667, 0, 0.312963, 0.168777, 0.0434802, 0.0145303, -0.886179, 0.576221]
  // CHECK-NEXT{LITERAL}: [0.18178, 0.0835005, -0.380066, 0.662258, -0.594768, 0.920635, 0.771743, 0.0443866]
  // CHECK-NEXT{LITERAL}: [0.298405, 0.437996, -0.171762, 0.773258, 0.99495, -0.340691, -0.2749, 0.575962]
  // CHECK-NEXT{LITERAL}: [0.384237, 0.346411, 0.333333, -0.0833333, 0.485922, -1.01408, 0.81891, -0.68109]

  %1 = mica.attention %q, %kv1, %batch {heads = 4 : i64, scale = 0.5 : f32, mask = #mica.mask<causal = true, chunk = 4>} : tensor<?x12xf32>, !kv -> tensor<?x8xf32>
  %show1 = tensor.cast %1 : tensor<?x8xf32> to tensor<?x?xf32>
  call @show(%show1) : (tensor<?x?xf32>) -> ()
  // chunks
  // CHECK: sizes = [6, 8]
  // CHECK-NEXT{LITERAL}: [1, -0.5, 1, -0.5, 1.25, -0.25, 1.25, -0.25]
  // CHECK-NEXT{LITERAL}: [1.43874, -0.0612616, 1.09357, -0.406434, -0.379833, 0.0463333, -0.25353, 0.0233691]
  // CHECK-NEXT{LITERAL}: [0.416667, 0, 0.312963, 0.168777, 0.0434802, 0.0145303, -0.886179, 0.576221]
  // CHECK-NEXT{LITERAL}: [0.278758, 0.0773576, -0.279014, 0.626662, -0.661261, 0.871374, -0.158986, 0.128626]
  // CHECK-NEXT{LITERAL}: [-0.25, 1.5, -0.25, 1.5, 0, -1.5, 0, -1.5]
  // CHECK-NEXT{LITERAL}: [-0.181696, 1.12433, 0, 0.125, 0.177887, -1.32211, 0.38865, -1.11135]

  %2 = mica.attention %q, %kv1, %batch sinks(%sinks : !mica.weight<4, f32>) {heads = 4 : i64, scale = 0.5 : f32, mask = #mica.mask<causal = true>} : tensor<?x12xf32>, !kv -> tensor<?x8xf32>
  %show2 = tensor.cast %2 : tensor<?x8xf32> to tensor<?x?xf32>
  call @show(%show2) : (tensor<?x?xf32>) -> ()
  // learned sinks
  // CHECK: sizes = [6, 8]
  // CHECK-NEXT{LITERAL}: [0.348645, -0.174323, 0.422505, -0.211252, 0.547279, -0.109456, 0.200333, -0.0400665]
  // CHECK-NEXT{LITERAL}: [0.710181, -0.0302396, 0.847833, -0.315105, -0.0620657, 0.00757098, -0.215312, 0.0198464]
  // CHECK-NEXT{LITERAL}: [0.19908, 0, 0.277639, 0.149727, 0.0287148, 0.00959602, -0.661711, 0.430265]
  // CHECK-NEXT{LITERAL}: [0.19216, 0.0533261, -0.256944, 0.577095, -0.409442, 0.53954, -0.140831, 0.113938]
  // CHECK-NEXT{LITERAL}: [-0.302141, 0.296726, 0.253405, 0.305588, 0.126002, -0.0776815, -0.515133, 0.543314]
  // CHECK-NEXT{LITERAL}: [0.0514651, 0.378932, 0.0742764, 0.185691, -0.337709, 0.292775, 0.134267, -0.308506]

  %3 = mica.attention %q, %kv1, %batch {heads = 4 : i64, scale = 0.5 : f32, alibi = array<f32: 0.5, 0.25, 0.125, 0.0625>, mask = #mica.mask<causal = true>} : tensor<?x12xf32>, !kv -> tensor<?x8xf32>
  %show3 = tensor.cast %3 : tensor<?x8xf32> to tensor<?x?xf32>
  call @show(%show3) : (tensor<?x?xf32>) -> ()
  // alibi
  // CHECK: sizes = [6, 8]
  // CHECK-NEXT{LITERAL}: [1, -0.5, 1, -0.5, 1.25, -0.25, 1.25, -0.25]
  // CHECK-NEXT{LITERAL}: [1.46096, -0.0390391, 1.11408, -0.385922, -0.461763, 0.0612297, -0.295985, 0.0310882]
  // CHECK-NEXT{LITERAL}: [0.0140171, 0.160078, 0.133749, 0.215126, -0.049789, 0.0404311, -0.902384, 0.588437]
  // CHECK-NEXT{LITERAL}: [-0.286145, 0.51991, -0.477922, 0.784179, -0.672236, 0.91444, -0.205046, 0.152199]
  // CHECK-NEXT{LITERAL}: [-0.617823, 0.546477, 0.0726847, 0.482103, 0.0808199, -0.132845, -0.571667, 0.59797]
  // CHECK-NEXT{LITERAL}: [-0.225187, 0.812882, -0.043203, 0.175868, -0.478583, 0.380382, 0.139642, -0.386696]

  %4 = mica.position_scale %q, %batch {scale = 0.5 : f32, interval = 2 : i64} : tensor<?x12xf32>
  %show4 = tensor.cast %4 : tensor<?x12xf32> to tensor<?x?xf32>
  call @show(%show4) : (tensor<?x?xf32>) -> ()
  // position_scale
  // CHECK: sizes = [6, 12]
  // CHECK-NEXT{LITERAL}: [-1.5, 0.25, -1.25, 0.5, -1, 0.75, -0.75, 1, -0.5, 1.25, -0.25, 1.5]
  // CHECK-NEXT{LITERAL}: [0, -2.01986, 0.336643, -1.68322, 0.673287, -1.34657, 1.00993, -1.00993, 1.34657, -0.673287, 1.68322, -0.336643]
  // CHECK-NEXT{LITERAL}: [2.01986, 0, -2.01986, 0.336643, -1.68322, 0.673287, -1.34657, 1.00993, -1.00993, 1.34657, -0.673287, 1.68322]
  // CHECK-NEXT{LITERAL}: [-0.387327, 2.32396, 0, -2.32396, 0.387327, -1.93663, 0.774653, -1.54931, 1.16198, -1.16198, 1.54931, -0.774653]
  // CHECK-NEXT{LITERAL}: [1.93663, -0.387327, 2.32396, 0, -2.32396, 0.387327, -1.93663, 0.774653, -1.54931, 1.16198, -1.16198, 1.54931]
  // CHECK-NEXT{LITERAL}: [-0.846574, 2.11643, -0.423287, 2.53972, 0, -2.53972, 0.423287, -2.11643, 0.846574, -1.69315, 1.26986, -1.26986]
  return
}
