// RUN: mica-opt %s -mica-reference -split-input-file | FileCheck %s
// RUN: mica-opt %s -mica-reference=capture -split-input-file \
// RUN:   | FileCheck %s --check-prefix=CAPTURE

// Rows become a buffer; what is returned is not freed.
// CHECK-LABEL: func @split
// CHECK-SAME:    %[[X:.*]]: memref<?x4xf32>) -> (memref<?x2xf32>, memref<?x2xf32>)
// CHECK:         %[[A:.*]] = memref.alloc({{.*}}) : memref<?x2xf32>
// CHECK:         scf.for
// CHECK:         %[[B:.*]] = memref.alloc({{.*}}) : memref<?x2xf32>
// CHECK-NOT:     memref.dealloc
// CHECK:         return %[[A]], %[[B]]
func.func @split(%x: tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %a, %b = mica.split %x {interleave = 1 : i64} : tensor<?x4xf32> -> tensor<?x2xf32>, tensor<?x2xf32>
  return %a, %b : tensor<?x2xf32>, tensor<?x2xf32>
}

// -----

// The arguments of every type of value; a buffer between ops is freed.
// CHECK-LABEL: func @arguments
// CHECK-SAME:    (%{{.*}}: memref<?xi32>, %{{.*}}: memref<?xi32>, %{{.*}}: memref<?xi32>, %{{.*}}: memref<?xi32>, %{{.*}}: memref<?xi32>,
// CHECK-SAME:     %{{.*}}: memref<?x?x?x2x8xbf16>, %{{.*}}: memref<?x?x?x2x4xbf16>, %{{.*}}: index,
// CHECK-SAME:     %{{.*}}: memref<64x32xf32>, %{{.*}}: memref<16x64xbf16>) -> memref<?x16xf32>
// CHECK:         %[[X:.*]] = memref.alloc({{.*}}) : memref<?x64xf32>
// CHECK:         memref.dealloc %[[X]]
// CHECK-NEXT:    return
func.func @arguments(
    %batch: !mica.batch,
    %kv: !mica.kv<heads = 2, key = 8, value = 4, element = bf16, page = 16, window = 0>,
    %blocks: !mica.weight<64x32, #mica.format<"q8_0", 32 x 34>>,
    %packed: !mica.weight<16x64, bf16, #mica.layout<panel = 16, group = 2, granule = 16, align = 16>>)
    -> tensor<?x16xf32> {
  %ids = mica.tokens %batch : tensor<?xi32>
  %e = mica.embedding %ids, %blocks : tensor<?xi32>, !mica.weight<64x32, #mica.format<"q8_0", 32 x 34>> -> tensor<?x32xf32>
  %x = mica.linear %e, %blocks : tensor<?x32xf32>, !mica.weight<64x32, #mica.format<"q8_0", 32 x 34>> -> tensor<?x64xf32>
  %y = mica.linear %x, %packed : tensor<?x64xf32>, !mica.weight<16x64, bf16, #mica.layout<panel = 16, group = 2, granule = 16, align = 16>> -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// -----

// Without `mica.value` a weight is read through a descriptor of the caller's.
// CHECK:       memref.global "public" @w : memref<memref<4x4xf32>> = uninitialized
// CHECK-LABEL: func @twice
// CHECK:         %[[G:.*]] = memref.get_global @w : memref<memref<4x4xf32>>
// CHECK:         memref.load %[[G]][] : memref<memref<4x4xf32>>

// CAPTURE:       func.func private @mica_capture(i64, memref<?x?xf32>) attributes {llvm.emit_c_interface}
// CAPTURE-LABEL: func @twice
// CAPTURE:         %[[ZERO:.*]] = arith.constant 0 : i64
// CAPTURE:         call @mica_capture(%[[ZERO]], %{{.*}})
// CAPTURE:         %[[ONE:.*]] = arith.constant 1 : i64
// CAPTURE:         call @mica_capture(%[[ONE]], %{{.*}})
mica.weight @w : !mica.weight<4x4, f32>

func.func @twice(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %w = mica.get_weight @w : !mica.weight<4x4, f32>
  %y = mica.linear %x, %w : tensor<?x4xf32>, !mica.weight<4x4, f32> -> tensor<?x4xf32>
  %z = arith.addf %x, %y : tensor<?x4xf32>
  return %z : tensor<?x4xf32>
}
