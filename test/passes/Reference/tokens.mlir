// RUN: cat %s %S/Inputs/fill.inc | mica-opt -mica-reference -mica-reference-to-llvm \
// RUN:   | %runner | FileCheck %s

// Values computed by `literals.py tokens`, beside this file.

// Sequence 0 has one row, its eighth token; sequence 1 has three new ones.
memref.global "private" constant @token : memref<4xi32> = dense<[5, 0, 2, 2]>
memref.global "private" constant @position : memref<4xi32> = dense<[7, 0, 1, 2]>
memref.global "private" constant @row_start : memref<3xi32> = dense<[0, 1, 4]>
memref.global "private" constant @out_row : memref<2xi32> = dense<[0, 3]>
memref.global "private" constant @length : memref<2xi32> = dense<[8, 3]>

func.func @batch() -> !mica.batch {
  %token_list = memref.get_global @token : memref<4xi32>
  %token = memref.cast %token_list : memref<4xi32> to memref<?xi32>
  %position_list = memref.get_global @position : memref<4xi32>
  %position = memref.cast %position_list : memref<4xi32> to memref<?xi32>
  %row_start_list = memref.get_global @row_start : memref<3xi32>
  %row_start = memref.cast %row_start_list : memref<3xi32> to memref<?xi32>
  %out_row_list = memref.get_global @out_row : memref<2xi32>
  %out_row = memref.cast %out_row_list : memref<2xi32> to memref<?xi32>
  %length_list = memref.get_global @length : memref<2xi32>
  %length = memref.cast %length_list : memref<2xi32> to memref<?xi32>
  %batch = builtin.unrealized_conversion_cast %token, %position, %row_start, %out_row, %length : memref<?xi32>, memref<?xi32>, memref<?xi32>, memref<?xi32>, memref<?xi32> to !mica.batch
  return %batch : !mica.batch
}

mica.weight @table : !mica.weight<6x3, bf16>
  {mica.value = dense<[[-0.5, 0.08349609375, -0.416015625], [0.1669921875, -0.333984375, 0.25], [-0.25, 0.333984375, -0.1669921875], [0.416015625, -0.08349609375, 0.5], [0.0, -0.5, 0.08349609375], [-0.416015625, 0.1669921875, -0.333984375]]> : tensor<6x3xbf16>}

mica.weight @order : !mica.weight<3, i32> {mica.value = dense<[2, 0, 1]> : tensor<3xi32>}

func.func @main() {
  %batch = call @batch() : () -> !mica.batch
  %table = mica.get_weight @table : !mica.weight<6x3, bf16>

  %ids = mica.tokens %batch : tensor<?xi32>
  %ids_f32 = arith.sitofp %ids : tensor<?xi32> to tensor<?xf32>
  %ids_list = builtin.unrealized_conversion_cast %ids_f32 : tensor<?xf32> to memref<?xf32>
  %ids_any = memref.cast %ids_list : memref<?xf32> to memref<*xf32>
  call @printMemrefF32(%ids_any) : (memref<*xf32>) -> ()
  // tokens
  // CHECK: sizes = [4]
  // CHECK-NEXT{LITERAL}: [5, 0, 2, 2]

  %p = mica.positions %batch : tensor<?xi32>
  %p_f32 = arith.sitofp %p : tensor<?xi32> to tensor<?xf32>
  %p_list = builtin.unrealized_conversion_cast %p_f32 : tensor<?xf32> to memref<?xf32>
  %p_any = memref.cast %p_list : memref<?xf32> to memref<*xf32>
  call @printMemrefF32(%p_any) : (memref<*xf32>) -> ()
  // positions
  // CHECK: sizes = [4]
  // CHECK-NEXT{LITERAL}: [7, 0, 1, 2]

  %x = mica.embedding %ids, %table : tensor<?xi32>, !mica.weight<6x3, bf16> -> tensor<?x3xf32>
  %show1 = tensor.cast %x : tensor<?x3xf32> to tensor<?x?xf32>
  call @show(%show1) : (tensor<?x?xf32>) -> ()
  // embedding
  // CHECK: sizes = [4, 3]
  // CHECK-NEXT{LITERAL}: [-0.416016, 0.166992, -0.333984]
  // CHECK-NEXT{LITERAL}: [-0.5, 0.0834961, -0.416016]
  // CHECK-NEXT{LITERAL}: [-0.25, 0.333984, -0.166992]
  // CHECK-NEXT{LITERAL}: [-0.25, 0.333984, -0.166992]

  %y = mica.output_rows %x, %batch : tensor<?x3xf32> -> tensor<?x3xf32>
  %show2 = tensor.cast %y : tensor<?x3xf32> to tensor<?x?xf32>
  call @show(%show2) : (tensor<?x?xf32>) -> ()
  // output_rows
  // CHECK: sizes = [2, 3]
  // CHECK-NEXT{LITERAL}: [-0.416016, 0.166992, -0.333984]
  // CHECK-NEXT{LITERAL}: [-0.25, 0.333984, -0.166992]

  %order = mica.get_weight @order : !mica.weight<3, i32>
  %z = mica.permute_columns %x, %order : tensor<?x3xf32>, !mica.weight<3, i32>
  %show3 = tensor.cast %z : tensor<?x3xf32> to tensor<?x?xf32>
  call @show(%show3) : (tensor<?x?xf32>) -> ()
  // permute_columns
  // CHECK: sizes = [4, 3]
  // CHECK-NEXT{LITERAL}: [-0.333984, -0.416016, 0.166992]
  // CHECK-NEXT{LITERAL}: [-0.416016, -0.5, 0.0834961]
  // CHECK-NEXT{LITERAL}: [-0.166992, -0.25, 0.333984]
  // CHECK-NEXT{LITERAL}: [-0.166992, -0.25, 0.333984]

  %r1 = mica.embedding %ids, %table {row = 1 : i64} : tensor<?xi32>, !mica.weight<6x3, bf16> -> tensor<?x3xf32>
  %show_r1 = tensor.cast %r1 : tensor<?x3xf32> to tensor<?x?xf32>
  call @show(%show_r1) : (tensor<?x?xf32>) -> ()
  // row 1 of the table
  // CHECK: sizes = [4, 3]
  // CHECK-NEXT{LITERAL}: [0.166992, -0.333984, 0.25]
  // CHECK-NEXT{LITERAL}: [0.166992, -0.333984, 0.25]
  // CHECK-NEXT{LITERAL}: [0.166992, -0.333984, 0.25]
  // CHECK-NEXT{LITERAL}: [0.166992, -0.333984, 0.25]

  %r2 = mica.pool_rows %x, %batch {kind = #mica.pooling<mean>} : tensor<?x3xf32> -> tensor<?x3xf32>
  %show_r2 = tensor.cast %r2 : tensor<?x3xf32> to tensor<?x?xf32>
  call @show(%show_r2) : (tensor<?x?xf32>) -> ()
  // pool_rows mean
  // CHECK: sizes = [2, 3]
  // CHECK-NEXT{LITERAL}: [-0.416016, 0.166992, -0.333984]
  // CHECK-NEXT{LITERAL}: [-0.333333, 0.250488, -0.25]

  %r3 = mica.pool_rows %x, %batch {kind = #mica.pooling<first>} : tensor<?x3xf32> -> tensor<?x3xf32>
  %show_r3 = tensor.cast %r3 : tensor<?x3xf32> to tensor<?x?xf32>
  call @show(%show_r3) : (tensor<?x?xf32>) -> ()
  // pool_rows first
  // CHECK: sizes = [2, 3]
  // CHECK-NEXT{LITERAL}: [-0.416016, 0.166992, -0.333984]
  // CHECK-NEXT{LITERAL}: [-0.5, 0.0834961, -0.416016]

  %r4 = mica.pool_rows %x, %batch {kind = #mica.pooling<last>} : tensor<?x3xf32> -> tensor<?x3xf32>
  %show_r4 = tensor.cast %r4 : tensor<?x3xf32> to tensor<?x?xf32>
  call @show(%show_r4) : (tensor<?x?xf32>) -> ()
  // pool_rows last
  // CHECK: sizes = [2, 3]
  // CHECK-NEXT{LITERAL}: [-0.416016, 0.166992, -0.333984]
  // CHECK-NEXT{LITERAL}: [-0.25, 0.333984, -0.166992]
  return
}
