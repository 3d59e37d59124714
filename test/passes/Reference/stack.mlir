// RUN: cat %s %S/Inputs/fill.inc | mica-opt -mica-reference -mica-reference-to-llvm \
// RUN:   | %runner | FileCheck %s

// Values computed by `literals.py stack`, beside this file.

!kv = !mica.kv<heads = 1, key = 2, value = 2, element = f32, page = 16, window = 0>

memref.global "private" constant @token : memref<3xi32> = dense<[0, 0, 0]>
memref.global "private" constant @position : memref<3xi32> = dense<[0, 1, 2]>
memref.global "private" constant @row_start : memref<2xi32> = dense<[0, 3]>
memref.global "private" constant @out_row : memref<1xi32> = dense<[2]>
memref.global "private" constant @length : memref<1xi32> = dense<[3]>

func.func @batch() -> !mica.batch {
  %token_list = memref.get_global @token : memref<3xi32>
  %token = memref.cast %token_list : memref<3xi32> to memref<?xi32>
  %position_list = memref.get_global @position : memref<3xi32>
  %position = memref.cast %position_list : memref<3xi32> to memref<?xi32>
  %row_start_list = memref.get_global @row_start : memref<2xi32>
  %row_start = memref.cast %row_start_list : memref<2xi32> to memref<?xi32>
  %out_row_list = memref.get_global @out_row : memref<1xi32>
  %out_row = memref.cast %out_row_list : memref<1xi32> to memref<?xi32>
  %length_list = memref.get_global @length : memref<1xi32>
  %length = memref.cast %length_list : memref<1xi32> to memref<?xi32>
  %batch = builtin.unrealized_conversion_cast %token, %position, %row_start, %out_row, %length : memref<?xi32>, memref<?xi32>, memref<?xi32>, memref<?xi32>, memref<?xi32> to !mica.batch
  return %batch : !mica.batch
}

mica.weight @w0 : !mica.weight<2x2, f32>
  {mica.value = dense<[[-0.25, 1.5], [0.0, -1.5]]> : tensor<2x2xf32>}
// Packed by a function, where it is read.
mica.weight @raw : !mica.weight<2x2, bf16>
  {mica.value = dense<[[1.0, -0.5], [1.25, -0.25]]> : tensor<2x2xbf16>}
mica.weight @w1 : !mica.weight<2x2, f32> by @to_f32 of [@raw]

func.func @to_f32(%raw: !mica.weight<2x2, bf16>) -> !mica.weight<2x2, f32> {
  %w = mica.pack %raw : (!mica.weight<2x2, bf16>) -> !mica.weight<2x2, f32>
  return %w : !mica.weight<2x2, f32>
}

// A layer whose queries, keys and values are its input.
func.func @layer(%x: tensor<?x2xf32>, %kv: !kv, %batch: !mica.batch, %w: !mica.weight<2x2, f32>)
    -> (tensor<?x2xf32>, !kv) {
  %kv1 = mica.kv_append %kv, %x, %x, %batch : !kv, tensor<?x2xf32>, tensor<?x2xf32>
  %o = mica.attention %x, %kv1, %batch {heads = 1 : i64, scale = 0.5 : f32, mask = #mica.mask<causal = true>} : tensor<?x2xf32>, !kv -> tensor<?x2xf32>
  %p = mica.group "linear" phase 0 {
    %y = mica.linear %o, %w : tensor<?x2xf32>, !mica.weight<2x2, f32> -> tensor<?x2xf32>
    mica.yield %y : tensor<?x2xf32>
  } : tensor<?x2xf32>
  %z = arith.addf %x, %p : tensor<?x2xf32>
  return %z, %kv1 : tensor<?x2xf32>, !kv
}

func.func @main() {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  // Both layers share one cache group, each at its own index.
  %buffer = memref.alloc() : memref<2x1x3x1x2xf32>
  %values = memref.alloc() : memref<2x1x3x1x2xf32>
  %key = memref.cast %buffer : memref<2x1x3x1x2xf32> to memref<?x?x?x1x2xf32>
  %value = memref.cast %values : memref<2x1x3x1x2xf32> to memref<?x?x?x1x2xf32>
  %kv = builtin.unrealized_conversion_cast %key, %value, %c0 : memref<?x?x?x1x2xf32>, memref<?x?x?x1x2xf32>, index to !kv
  %batch = call @batch() : () -> !mica.batch
  %x_any = call @fill(%c3, %c2, %c0) : (index, index, index) -> tensor<?x?xf32>
  %x = tensor.cast %x_any : tensor<?x?xf32> to tensor<?x2xf32>
  %y, %kv1 = mica.stack %x, (%kv), (%batch)
      [#mica.layer<@layer, kv = [0], shared = [0], weights = [@w0]>,
       #mica.layer<@layer, kv = [0], shared = [0], weights = [@w1]>]
      : tensor<?x2xf32>, (!kv), (!mica.batch) -> tensor<?x2xf32>, !kv
  %show1 = tensor.cast %y : tensor<?x2xf32> to tensor<?x?xf32>
  call @show(%show1) : (tensor<?x?xf32>) -> ()
  // stack
  // CHECK: sizes = [3, 2]
  // CHECK-NEXT{LITERAL}: [-1.4375, -1.03125]
  // CHECK-NEXT{LITERAL}: [-0.863455, -0.72819]
  // CHECK-NEXT{LITERAL}: [-0.261039, -0.409647]
  return
}
