// RUN: mica-opt %s -mica-map-to-workers | FileCheck %s

#s = #tile.schedule<rows = [1], panels = [1], block = 4, unit = 64, unroll = 1, prefetch = 0>

// Workers draw blocks of four rows until none is left.
// CHECK-LABEL: func @one
// CHECK-SAME:    %[[STEP:.*]]: !tile.step, %[[WORKER:.*]]: index, %[[WORKERS:.*]]: index, %[[T:.*]]: index
func.func @one(%step: !tile.step, %worker: index, %workers: index, %T: index) {
  // CHECK:      %[[TASKS:.*]] = arith.divui
  // CHECK-NEXT: %[[FIRST:.*]] = tile.next_task %[[STEP]]
  // CHECK-NEXT: scf.while (%[[I:.*]] = %[[FIRST]]) : (index) -> index {
  // CHECK-NEXT:   %[[MORE:.*]] = arith.cmpi ult, %[[I]], %[[TASKS]] : index
  // CHECK-NEXT:   scf.condition(%[[MORE]]) %[[I]] : index
  // CHECK:        scf.for
  // CHECK:        %[[NEXT:.*]] = tile.next_task %[[STEP]]
  // CHECK-NEXT:   scf.yield %[[NEXT]] : index
  // CHECK:      tile.barrier %[[STEP]], %[[WORKER]], %[[WORKERS]] id 1
  tile.phase "p" id 1 (%step, %worker, %workers) {
    tile.rows %T columns 64 granule 16 attributes {schedule = #s} apply {
    ^bb0(%m: index, %n: index):
      tile.yield
    } kinds []
  }
  return
}

// Two operations: tasks of the first come first, the others are counted from
// its end. What is no kernel moves before the phase.
// CHECK-LABEL: func @two
func.func @two(%step: !tile.step, %worker: index, %workers: index, %T: index,
               %x: memref<?x32xf32>, %w: memref<4x32x16x1xf32>) {
  // CHECK: tile.count
  // CHECK: %[[END0:.*]] = arith.divui
  // CHECK: %[[END1:.*]] = arith.addi %[[END0]],
  // CHECK: scf.while
  // CHECK: arith.cmpi ult, %{{.*}}, %[[END1]] : index
  // CHECK: %[[IS0:.*]] = arith.cmpi ult, %[[TASK:.*]], %[[END0]] : index
  // CHECK: scf.if %[[IS0]]
  // CHECK: } else {
  // CHECK:   arith.subi %[[TASK]], %[[END0]]
  // CHECK:   math.fma
  tile.phase "p" id 1 (%step, %worker, %workers) {
    %R = tile.count %step outs
    tile.rows %T columns 64 granule 16 attributes {schedule = #s} apply {
    ^bb0(%m: index, %n: index):
      tile.yield
    } kinds []
    tile.contract %x, %w columns 64 granule 16 attributes {schedule = #s} {
    ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
      tile.yield
    } : memref<?x32xf32>, memref<4x32x16x1xf32>
  }
  return
}
