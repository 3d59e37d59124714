// A norm over whole rows of 64: one pass for the sum of squares, one to apply.
//
// RUN: mica-opt %S/../llama.mlir -mica-graph -mica-group -mica-kernels | FileCheck %s

// CHECK: tile.phase "norm"
// CHECK: tile.rows %{{.*}} columns 64 granule 16 captures({{.*}}) apply {
// CHECK: ^bb0(%[[M:.*]]: index, %[[N:.*]]: index, %[[SUM:.*]]: f32, %[[X:.*]]: memref<?x64xf32>, %[[W:.*]]: memref<64xf32>, %[[Y:.*]]: memref<?x64xbf16>):
// CHECK:   %[[V:.*]] = tile.load %[[X]][%[[M]], %[[N]]] along [1]
// CHECK:   %[[G:.*]] = tile.load %[[W]][%[[N]]] along [0]
// CHECK:   %[[MEAN:.*]] = arith.mulf %[[SUM]]
// CHECK:   %[[SAFE:.*]] = arith.addf %[[MEAN]]
// CHECK:   %[[ROOT:.*]] = math.sqrt %[[SAFE]]
// CHECK:   %[[SCALE:.*]] = arith.divf %{{.*}}, %[[ROOT]]
// CHECK:   %[[SPREAD:.*]] = vector.broadcast %[[SCALE]]
// CHECK:   %[[S:.*]] = arith.mulf %[[V]], %[[SPREAD]]
// CHECK:   %[[R:.*]] = arith.mulf %[[S]], %[[G]]
// CHECK:   tile.store %[[R]], %[[Y]][%[[M]], %[[N]]] along [1]
// CHECK: } kinds ["add"] {
// CHECK: ^bb0(%[[M2:.*]]: index, %[[N2:.*]]: index, %[[X2:.*]]: memref<?x64xf32>, %{{.*}}: memref<64xf32>, %{{.*}}: memref<?x64xbf16>):
// CHECK:   %[[V2:.*]] = tile.load %[[X2]][%[[M2]], %[[N2]]] along [1]
// CHECK:   %[[SQ:.*]] = arith.mulf %[[V2]], %[[V2]]
// CHECK:   tile.yield %[[SQ]]
// CHECK: }
