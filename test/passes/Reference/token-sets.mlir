// RUN: cat %s %S/Inputs/fill.inc | mica-opt -mica-reference -mica-reference-to-llvm \
// RUN:   | %runner | FileCheck %s

// Values computed by `literals.py token-sets`, beside this file.

func.func private @printMemrefI32(memref<*xi32>)

mica.weight @iota : !mica.weight<8x1, f32>
  {mica.value = dense<[[0.0], [1.0], [2.0], [3.0], [4.0], [5.0], [6.0], [7.0]]> : tensor<8x1xf32>}
mica.weight @table : !mica.weight<7x2, f32>
  {mica.value = dense<[[-1.0, 0.75], [-0.75, 1.0], [-0.5, 1.25], [-0.25, 1.5], [0.0, -1.5], [0.25, -1.25], [0.5, -1.0]]> : tensor<7x2xf32>}
mica.weight @allowed : !mica.weight<5, i32>
  {mica.value = dense<[1, 0, 1, 1, 0]> : tensor<5xi32>}
memref.global "private" constant @into : memref<8x1xi32> = dense<[[0], [0], [2], [0], [3], [5], [5], [5]]>
memref.global "private" constant @words : memref<3x1xi32> = dense<[[22], [1], [31]]>

memref.global "private" constant @token : memref<8xi32> = dense<[3, 1, 4, 1, 5, 9, 2, 6]>
memref.global "private" constant @position : memref<8xi32> = dense<[0, 1, 2, 3, 4, 0, 1, 2]>
memref.global "private" constant @row_start : memref<3xi32> = dense<[0, 5, 8]>
memref.global "private" constant @out_row : memref<2xi32> = dense<[4, 7]>
memref.global "private" constant @length : memref<2xi32> = dense<[5, 3]>

func.func @batch() -> !mica.batch {
  %token_list = memref.get_global @token : memref<8xi32>
  %token = memref.cast %token_list : memref<8xi32> to memref<?xi32>
  %position_list = memref.get_global @position : memref<8xi32>
  %position = memref.cast %position_list : memref<8xi32> to memref<?xi32>
  %row_start_list = memref.get_global @row_start : memref<3xi32>
  %row_start = memref.cast %row_start_list : memref<3xi32> to memref<?xi32>
  %out_row_list = memref.get_global @out_row : memref<2xi32>
  %out_row = memref.cast %out_row_list : memref<2xi32> to memref<?xi32>
  %length_list = memref.get_global @length : memref<2xi32>
  %length = memref.cast %length_list : memref<2xi32> to memref<?xi32>
  %batch = builtin.unrealized_conversion_cast %token, %position, %row_start, %out_row, %length : memref<?xi32>, memref<?xi32>, memref<?xi32>, memref<?xi32>, memref<?xi32> to !mica.batch
  return %batch : !mica.batch
}

func.func @main() {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %c5 = arith.constant 5 : index
  %c8 = arith.constant 8 : index
  %c14 = arith.constant 14 : index
  %batch = call @batch() : () -> !mica.batch
  %iota = mica.get_weight @iota : !mica.weight<8x1, f32>
  %x_any = call @fill(%c8, %c3, %c0) : (index, index, index) -> tensor<?x?xf32>
  %x = tensor.cast %x_any : tensor<?x?xf32> to tensor<?x3xf32>
  %scores_any = call @fill(%c8, %c1, %c2) : (index, index, index) -> tensor<?x?xf32>
  %scores = tensor.cast %scores_any : tensor<?x?xf32> to tensor<?x1xf32>
  %other_any = call @fill(%c8, %c3, %c1) : (index, index, index) -> tensor<?x?xf32>
  %other = tensor.cast %other_any : tensor<?x?xf32> to tensor<?x3xf32>
  %y, %kept, %next = mica.select_tokens %x, %scores, %batch {keep = 0.5 : f64, least = 1 : i64} : tensor<?x3xf32>, tensor<?x1xf32> -> tensor<?x3xf32>, tensor<?xi32>
  %show1 = tensor.cast %y : tensor<?x3xf32> to tensor<?x?xf32>
  call @show(%show1) : (tensor<?x?xf32>) -> ()
  // select_tokens
  // CHECK: sizes = [5, 3]
  // CHECK-NEXT{LITERAL}: [-1.5, 0.25, -1.25]
  // CHECK-NEXT{LITERAL}: [-0.75, 1, -0.5]
  // CHECK-NEXT{LITERAL}: [0, -1.5, 0.25]
  // CHECK-NEXT{LITERAL}: [-1.25, 0.5, -1]
  // CHECK-NEXT{LITERAL}: [-0.5, 1.25, -0.25]
  %select_kept = mica.embedding %kept, %iota : tensor<?xi32>, !mica.weight<8x1, f32> -> tensor<?x1xf32>
  %show2 = tensor.cast %select_kept : tensor<?x1xf32> to tensor<?x?xf32>
  call @show(%show2) : (tensor<?x?xf32>) -> ()
  // select_tokens: kept
  // CHECK: sizes = [5, 1]
  // CHECK-NEXT{LITERAL}: [0]
  // CHECK-NEXT{LITERAL}: [2]
  // CHECK-NEXT{LITERAL}: [4]
  // CHECK-NEXT{LITERAL}: [5]
  // CHECK-NEXT{LITERAL}: [7]
  %select_at = mica.positions %next : tensor<?xi32>
  %select_position = mica.embedding %select_at, %iota : tensor<?xi32>, !mica.weight<8x1, f32> -> tensor<?x1xf32>
  %show3 = tensor.cast %select_position : tensor<?x1xf32> to tensor<?x?xf32>
  call @show(%show3) : (tensor<?x?xf32>) -> ()
  // select_tokens: positions
  // CHECK: sizes = [5, 1]
  // CHECK-NEXT{LITERAL}: [0]
  // CHECK-NEXT{LITERAL}: [2]
  // CHECK-NEXT{LITERAL}: [4]
  // CHECK-NEXT{LITERAL}: [0]
  // CHECK-NEXT{LITERAL}: [2]
  %select_out = mica.output_rows %y, %next : tensor<?x3xf32> -> tensor<?x3xf32>
  %show4 = tensor.cast %select_out : tensor<?x3xf32> to tensor<?x?xf32>
  call @show(%show4) : (tensor<?x?xf32>) -> ()
  // select_tokens: output rows
  // CHECK: sizes = [2, 3]
  // CHECK-NEXT{LITERAL}: [0, -1.5, 0.25]
  // CHECK-NEXT{LITERAL}: [-0.5, 1.25, -0.25]
  %z = mica.scatter_tokens %y, %kept into %other : tensor<?x3xf32>, tensor<?xi32>, tensor<?x3xf32>
  %show5 = tensor.cast %z : tensor<?x3xf32> to tensor<?x?xf32>
  call @show(%show5) : (tensor<?x?xf32>) -> ()
  // scatter_tokens
  // CHECK: sizes = [8, 3]
  // CHECK-NEXT{LITERAL}: [-1.5, 0.25, -1.25]
  // CHECK-NEXT{LITERAL}: [-1.5, 0.25, -1.25]
  // CHECK-NEXT{LITERAL}: [-0.75, 1, -0.5]
  // CHECK-NEXT{LITERAL}: [-0.75, 1, -0.5]
  // CHECK-NEXT{LITERAL}: [0, -1.5, 0.25]
  // CHECK-NEXT{LITERAL}: [-1.25, 0.5, -1]
  // CHECK-NEXT{LITERAL}: [-1.25, 0.5, -1]
  // CHECK-NEXT{LITERAL}: [-0.5, 1.25, -0.25]
  %into_list = memref.get_global @into : memref<8x1xi32>
  %into_rows = memref.cast %into_list : memref<8x1xi32> to memref<?x1xi32>
  %into = builtin.unrealized_conversion_cast %into_rows : memref<?x1xi32> to tensor<?x1xi32>
  %m, %m_kept, %m_next = mica.merge_tokens %x, %into, %batch : tensor<?x3xf32>, tensor<?x1xi32> -> tensor<?x3xf32>, tensor<?xi32>
  %show6 = tensor.cast %m : tensor<?x3xf32> to tensor<?x?xf32>
  call @show(%show6) : (tensor<?x?xf32>) -> ()
  // merge_tokens
  // CHECK: sizes = [5, 3]
  // CHECK-NEXT{LITERAL}: [0.0833333, -0.333333, 0.333333]
  // CHECK-NEXT{LITERAL}: [-0.75, 1, -0.5]
  // CHECK-NEXT{LITERAL}: [0, -1.5, 0.25]
  // CHECK-NEXT{LITERAL}: [-0.25, -0.125, 0]
  // CHECK-NEXT{LITERAL}: [-0.5, 1.25, -0.25]
  %merge_kept = mica.embedding %m_kept, %iota : tensor<?xi32>, !mica.weight<8x1, f32> -> tensor<?x1xf32>
  %show7 = tensor.cast %merge_kept : tensor<?x1xf32> to tensor<?x?xf32>
  call @show(%show7) : (tensor<?x?xf32>) -> ()
  // merge_tokens: kept
  // CHECK: sizes = [5, 1]
  // CHECK-NEXT{LITERAL}: [0]
  // CHECK-NEXT{LITERAL}: [2]
  // CHECK-NEXT{LITERAL}: [4]
  // CHECK-NEXT{LITERAL}: [5]
  // CHECK-NEXT{LITERAL}: [7]
  %merge_at = mica.positions %m_next : tensor<?xi32>
  %merge_position = mica.embedding %merge_at, %iota : tensor<?xi32>, !mica.weight<8x1, f32> -> tensor<?x1xf32>
  %show8 = tensor.cast %merge_position : tensor<?x1xf32> to tensor<?x?xf32>
  call @show(%show8) : (tensor<?x?xf32>) -> ()
  // merge_tokens: positions
  // CHECK: sizes = [5, 1]
  // CHECK-NEXT{LITERAL}: [0]
  // CHECK-NEXT{LITERAL}: [2]
  // CHECK-NEXT{LITERAL}: [4]
  // CHECK-NEXT{LITERAL}: [0]
  // CHECK-NEXT{LITERAL}: [2]
  %merge_out = mica.output_rows %m, %m_next : tensor<?x3xf32> -> tensor<?x3xf32>
  %show9 = tensor.cast %merge_out : tensor<?x3xf32> to tensor<?x?xf32>
  call @show(%show9) : (tensor<?x?xf32>) -> ()
  // merge_tokens: output rows
  // CHECK: sizes = [2, 3]
  // CHECK-NEXT{LITERAL}: [0, -1.5, 0.25]
  // CHECK-NEXT{LITERAL}: [-0.5, 1.25, -0.25]
  %table = mica.get_weight @table : !mica.weight<7x2, f32>
  %e = mica.ngram_embedding %batch, %table {n = 3 : i64, multiplier = 1000000007 : i64} : !mica.weight<7x2, f32> -> tensor<?x2xf32>
  %show10 = tensor.cast %e : tensor<?x2xf32> to tensor<?x?xf32>
  call @show(%show10) : (tensor<?x?xf32>) -> ()
  // ngram_embedding
  // CHECK: sizes = [8, 2]
  // CHECK-NEXT{LITERAL}: [0, -1.5]
  // CHECK-NEXT{LITERAL}: [0.25, -1.25]
  // CHECK-NEXT{LITERAL}: [-1, 0.75]
  // CHECK-NEXT{LITERAL}: [0.5, -1]
  // CHECK-NEXT{LITERAL}: [-0.5, 1.25]
  // CHECK-NEXT{LITERAL}: [-0.25, 1.5]
  // CHECK-NEXT{LITERAL}: [0.5, -1]
  // CHECK-NEXT{LITERAL}: [0, -1.5]
  %wide_any = call @fill(%c3, %c14, %c4) : (index, index, index) -> tensor<?x?xf32>
  %wide = tensor.cast %wide_any : tensor<?x?xf32> to tensor<?x14xf32>
  %t, %t_at = mica.topk %wide : tensor<?x14xf32> -> tensor<?x4xf32>, tensor<?x4xi32>
  %show11 = tensor.cast %t : tensor<?x4xf32> to tensor<?x?xf32>
  call @show(%show11) : (tensor<?x?xf32>) -> ()
  // topk
  // CHECK: sizes = [3, 4]
  // CHECK-NEXT{LITERAL}: [1.5, 1.25, 1, 0.75]
  // CHECK-NEXT{LITERAL}: [1.5, 1.25, 1, 0.75]
  // CHECK-NEXT{LITERAL}: [1.5, 1.25, 1, 0.75]
  %columns = builtin.unrealized_conversion_cast %t_at : tensor<?x4xi32> to memref<?x4xi32>
  %any = memref.cast %columns : memref<?x4xi32> to memref<*xi32>
  call @printMemrefI32(%any) : (memref<*xi32>) -> ()
  // topk: columns
  // CHECK: sizes = [3, 4]
  // CHECK-NEXT{LITERAL}: [10, 8, 6, 4]
  // CHECK-NEXT{LITERAL}: [9, 7, 5, 3]
  // CHECK-NEXT{LITERAL}: [8, 6, 4, 2]
  %logits_any = call @fill(%c3, %c5, %c1) : (index, index, index) -> tensor<?x?xf32>
  %logits = tensor.cast %logits_any : tensor<?x?xf32> to tensor<?x5xf32>
  %words_list = memref.get_global @words : memref<3x1xi32>
  %words_rows = memref.cast %words_list : memref<3x1xi32> to memref<?x1xi32>
  %words = builtin.unrealized_conversion_cast %words_rows : memref<?x1xi32> to tensor<?x1xi32>
  %masked = mica.logits_mask %logits, %words : tensor<?x5xf32>, tensor<?x1xi32>
  %show12 = tensor.cast %masked : tensor<?x5xf32> to tensor<?x?xf32>
  call @show(%show12) : (tensor<?x?xf32>) -> ()
  // logits_mask
  // CHECK: sizes = [3, 5]
  // CHECK-NEXT{LITERAL}: [-inf, 1.5, 0, -inf, 0.25]
  // CHECK-NEXT{LITERAL}: [-1.25, -inf, -inf, -inf, -inf]
  // CHECK-NEXT{LITERAL}: [1, -0.5, 1.25, -0.25, 1.5]
  %allowed = mica.get_weight @allowed : !mica.weight<5, i32>
  %listed = mica.logits_mask %logits, %allowed : tensor<?x5xf32>, !mica.weight<5, i32>
  %show13 = tensor.cast %listed : tensor<?x5xf32> to tensor<?x?xf32>
  call @show(%show13) : (tensor<?x?xf32>) -> ()
  // logits_mask of a list
  // CHECK: sizes = [3, 5]
  // CHECK-NEXT{LITERAL}: [-0.25, -inf, 0, -1.5, -inf]
  // CHECK-NEXT{LITERAL}: [-1.25, -inf, -1, 0.75, -inf]
  // CHECK-NEXT{LITERAL}: [1, -inf, 1.25, -0.25, -inf]
  %computed_any = call @fill(%c3, %c5, %c2) : (index, index, index) -> tensor<?x?xf32>
  %computed = tensor.cast %computed_any : tensor<?x?xf32> to tensor<?x5xf32>
  %score_any = call @fill(%c3, %c1, %c1) : (index, index, index) -> tensor<?x?xf32>
  %score = tensor.cast %score_any : tensor<?x?xf32> to tensor<?x1xf32>
  %skipped = mica.skip %logits, %computed, %score {threshold = 0.25 : f32} : tensor<?x5xf32>, tensor<?x1xf32>
  %show14 = tensor.cast %skipped : tensor<?x5xf32> to tensor<?x?xf32>
  call @show(%show14) : (tensor<?x?xf32>) -> ()
  // skip
  // CHECK: sizes = [3, 5]
  // CHECK-NEXT{LITERAL}: [-0.25, 1.5, 0, -1.5, 0.25]
  // CHECK-NEXT{LITERAL}: [0, -1.5, 0.25, -1.25, 0.5]
  // CHECK-NEXT{LITERAL}: [1, -0.5, 1.25, -0.25, 1.5]
  return
}
