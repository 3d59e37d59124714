// RUN: cat %s %S/Inputs/fill.inc | mica-opt -mica-reference -mica-reference-to-llvm \
// RUN:   | %runner | FileCheck %s

// Values computed by `literals.py cache`, beside this file.

!kv = !mica.kv<heads = 2, key = 3, value = 2, element = bf16, page = 16, window = 0>

memref.global "private" constant @token : memref<2xi32> = dense<[0, 0]>
memref.global "private" constant @position : memref<2xi32> = dense<[0, 1]>
memref.global "private" constant @row_start : memref<2xi32> = dense<[0, 2]>
memref.global "private" constant @out_row : memref<1xi32> = dense<[1]>
memref.global "private" constant @length : memref<1xi32> = dense<[2]>

func.func @batch() -> !mica.batch {
  %token_list = memref.get_global @token : memref<2xi32>
  %token = memref.cast %token_list : memref<2xi32> to memref<?xi32>
  %position_list = memref.get_global @position : memref<2xi32>
  %position = memref.cast %position_list : memref<2xi32> to memref<?xi32>
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
  %three = arith.constant 3.0 : f32
  %key_buffer = memref.alloc() : memref<1x1x2x2x3xbf16>
  %value_buffer = memref.alloc() : memref<1x1x2x2x2xbf16>
  %key = memref.cast %key_buffer : memref<1x1x2x2x3xbf16> to memref<?x?x?x2x3xbf16>
  %value = memref.cast %value_buffer : memref<1x1x2x2x2xbf16> to memref<?x?x?x2x2xbf16>
  %kv = builtin.unrealized_conversion_cast %key, %value, %c0 : memref<?x?x?x2x3xbf16>, memref<?x?x?x2x2xbf16>, index to !kv
  %batch = call @batch() : () -> !mica.batch
  %q_any = call @fill(%c2, %c6, %c0) : (index, index, index) -> tensor<?x?xf32>
  %q = tensor.cast %q_any : tensor<?x?xf32> to tensor<?x6xf32>
  %k3_any = call @fill(%c2, %c6, %c1) : (index, index, index) -> tensor<?x?xf32>
  %k3 = tensor.cast %k3_any : tensor<?x?xf32> to tensor<?x6xf32>
  %v3_any = call @fill(%c2, %c4, %c2) : (index, index, index) -> tensor<?x?xf32>
  %v3 = tensor.cast %v3_any : tensor<?x?xf32> to tensor<?x4xf32>
  %rows = tensor.dim %q, %c0 : tensor<?x6xf32>
  %threes6 = tensor.splat %three[%rows] : tensor<?x6xf32>
  %threes4 = tensor.splat %three[%rows] : tensor<?x4xf32>
  %k = arith.divf %k3, %threes6 : tensor<?x6xf32>
  %v = arith.divf %v3, %threes4 : tensor<?x4xf32>

  // The two halves of mica.kv_append.
  %kv1 = mica.kv_write %kv, %k, %batch : !kv, tensor<?x6xf32>
  %kv2 = mica.kv_write %kv1, %v, %batch value : !kv, tensor<?x4xf32>
  %q16 = mica.quantize %q : tensor<?x6xf32> -> tensor<?x6xbf16>
  %o = mica.attention %q16, %kv2, %batch {heads = 2 : i64, scale = 0.5 : f32, mask = #mica.mask<causal = true>} : tensor<?x6xbf16>, !kv -> tensor<?x4xf32>
  %show1 = tensor.cast %o : tensor<?x4xf32> to tensor<?x?xf32>
  call @show(%show1) : (tensor<?x?xf32>) -> ()
  // attention
  // CHECK: sizes = [2, 4]
  // CHECK-NEXT{LITERAL}: [0.333984, -0.166992, 0.416016, -0.0834961]
  // CHECK-NEXT{LITERAL}: [0.393824, -0.1068, -0.112802, 0.0129088]
  return
}
