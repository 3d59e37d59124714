// RUN: mica-opt %s -mica-map-to-workers -canonicalize -cse | FileCheck %s

#s = #tile.schedule<rows = [2, 1], panels = [1, 1], block = 8, unit = 16, unroll = 1, prefetch = 0>
module attributes {mica.target = #mica.target<cpu = "x86-64-v4", features = "", vector_bits = 512, panel = 16, max_granule = 512, dot = []>} {
// CHECK-LABEL: func @grouped
// CHECK-SAME:  %[[RUNS:[a-z0-9]*]]: memref<?x2xi32>
func.func @grouped(%step: !tile.step, %worker: index, %workers: index,
                   %x: memref<?x32xf32>, %w: memref<12x32x16x1xf32>, %o: memref<?x2xi32>) {
  // All tasks: four units of 16 columns for each block of 8 rows of each run.
  // CHECK:      %[[COUNT:.*]] = memref.load %[[RUNS]][%c0, %c0]
  // CHECK:      %[[LAST:.*]] = arith.addi %{{.*}}, %c1
  // CHECK:      %[[END:.*]] = scf.for %[[R:[a-z0-9]+]] = %c1 to %[[LAST]] step %c1 iter_args(%[[SUM:.*]] = %c0)
  // CHECK:        %[[FROM:.*]] = memref.load %[[RUNS]][%[[R]], %c1]
  // CHECK:        %[[BLOCKS:.*]] = arith.divui %{{.*}}, %c8
  // CHECK-NEXT:   %[[TASKS:.*]] = arith.muli %[[BLOCKS]], %c4
  // CHECK-NEXT:   %[[NEXT:.*]] = arith.addi %[[SUM]], %[[TASKS]]
  // CHECK-NEXT:   scf.yield %[[NEXT]]
  // CHECK:      arith.cmpi ult, %{{.*}}, %[[END]]
  // The last run that begins at or before the task.
  // CHECK:      %[[FOUND:.*]]:3 = scf.for %[[R:[a-z0-9]+]] = %c1 to %{{.*}} step %c1 iter_args(%[[BEGIN:[a-z0-9]+]] = %c0,
  // CHECK-NEXT:   %[[BEHIND:.*]] = arith.cmpi ult, %{{.*}}, %[[BEGIN]]
  // CHECK:        arith.select %[[BEHIND]], %{{.*}}, %[[R]]
  // Its rows, and the four panels of its part.
  // CHECK:      memref.load %[[RUNS]][%[[FOUND]]#2, %c1]
  // CHECK:      %[[WHICH:.*]] = memref.load %[[RUNS]][%[[FOUND]]#2, %c0]
  // CHECK-NEXT: %[[PART:.*]] = arith.index_cast %[[WHICH]]
  // CHECK-NEXT: %[[PANEL:.*]] = arith.muli %[[PART]], %c4
  // CHECK:      %[[P:.*]] = arith.addi %[[PANEL]],
  // CHECK:      vector.load %{{.*}}[%[[P]],
  tile.phase "p" id 1 (%step, %worker, %workers) {
    tile.contract %x, %w runs(%o : memref<?x2xi32>) parts 3 columns 64 granule 16 attributes {schedule = #s} {
    ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
      tile.yield
    } : memref<?x32xf32>, memref<12x32x16x1xf32>
  }
  // CHECK: return
  return
}

// Four units of 16 columns. What two workers draw in turn is 0, 2, 1, 3.
// CHECK-LABEL: func @runs
// CHECK-SAME:  %[[WORKERS:[a-z0-9]*]]: index, %{{[a-z0-9]*}}: memref<?x32xf32>
func.func @runs(%step: !tile.step, %worker: index, %workers: index,
                %x: memref<?x32xf32>, %w: memref<4x32x16x1xf32>) {
  // CHECK:      scf.while
  // CHECK:      %[[AT:.*]] = arith.divui %{{.*}}, %{{.*}} : index
  // CHECK-NEXT: %[[PLACE:.*]] = arith.remui %[[AT]], %[[WORKERS]] : index
  // CHECK-NEXT: %[[WHOLE:.*]] = arith.divui %c4, %[[WORKERS]] : index
  // CHECK-NEXT: %[[FIRST:.*]] = arith.muli %[[PLACE]], %[[WHOLE]]
  // CHECK-NEXT: %[[REST:.*]] = arith.remui %c4, %[[WORKERS]] : index
  // CHECK-NEXT: %[[LONGER:.*]] = arith.minui %[[PLACE]], %[[REST]] : index
  // CHECK-NEXT: %[[BEGIN:.*]] = arith.addi %[[FIRST]], %[[LONGER]]
  // CHECK-NEXT: %[[IN:.*]] = arith.divui %[[AT]], %[[WORKERS]] : index
  // CHECK-NEXT: %[[UNIT:.*]] = arith.addi %[[BEGIN]], %[[IN]]
  // CHECK:      vector.load %{{.*}}[%[[UNIT]],
  tile.phase "p" id 1 (%step, %worker, %workers) {
    tile.contract %x, %w columns 64 granule 16 attributes {schedule = #s} {
    ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
      tile.yield
    } : memref<?x32xf32>, memref<4x32x16x1xf32>
  }
  return
}
}
