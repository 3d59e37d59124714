// Gate beside up, and a projection that adds the residual.
//
// RUN: mica-opt %S/../llama.mlir -mica-graph -mica-group -mica-kernels | FileCheck %s

// 16 columns of the gate beside their 16 of up; output column n / 2.
// CHECK: tile.phase "gate_up"
// CHECK: tile.contract %{{.*}}, %{{.*}} columns 320 granule 32 captures(
// CHECK: ^bb0(%[[ACC:.*]]: vector<32xf32>, %[[M:.*]]: index, %[[N:.*]]: index, %[[OUT:.*]]: memref<?x160xbf16>):
// CHECK:   %[[G:.*]] = vector.extract_strided_slice %[[ACC]] {offsets = [0]
// CHECK:   %[[U:.*]] = vector.extract_strided_slice %[[ACC]] {offsets = [16]
// CHECK:   %[[NEG:.*]] = arith.negf %[[G]]
// CHECK:   %[[E:.*]] = math.exp %[[NEG]]
// CHECK:   %[[D:.*]] = arith.addf %[[E]]
// CHECK:   %[[SILU:.*]] = arith.divf %[[G]], %[[D]]
// CHECK:   %[[H:.*]] = arith.mulf %[[SILU]], %[[U]]
// CHECK:   %[[N2:.*]] = arith.divui %[[N]]
// CHECK:   tile.store %[[H]], %[[OUT]][%[[M]], %[[N2]]] along [1]

// CHECK: tile.phase "projection"
// CHECK: tile.contract %{{.*}}, %{{.*}} columns 64 granule 16 elastic captures(
// CHECK: ^bb0(%[[A:.*]]: vector<16xf32>, %[[PM:.*]]: index, %[[PN:.*]]: index, %[[X:.*]]: memref<?x64xf32>, %[[Y:.*]]: memref<?x64xf32>):
// CHECK:   %[[RES:.*]] = tile.load %[[X]][%[[PM]], %[[PN]]] along [1]
// CHECK:   %[[SUM:.*]] = arith.addf %[[RES]], %[[A]]
// CHECK:   tile.store %[[SUM]], %[[Y]][%[[PM]], %[[PN]]] along [1]
