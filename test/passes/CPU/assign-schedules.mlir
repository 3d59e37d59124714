// RUN: mica-opt %s -mica-assign-schedules | FileCheck %s
// RUN: mica-opt %s -mica-assign-schedules --remarks-filter-passed=mica \
// RUN:     --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=REMARK

module attributes {mica.target = #mica.target<cpu = "x86-64-v3", features = "", vector_bits = 256, panel = 16, max_granule = 256, dot = []>,
  tile.schedules = [
  {op = "tile.contract", weight = f16, columns = 64, terms = 48, from = "cache.mlir", schedule = #tile.schedule<rows = [3, 1], panels = [1, 1], block = 9, unit = 64, unroll = 1, prefetch = 0>},
  {op = "tile.contract", weight = f16, columns = 96, schedule = #tile.schedule<rows = [1], panels = [1], block = 9, unit = 64, unroll = 1, prefetch = 0>}]} {

// CHECK-LABEL: func @rows
func.func @rows(%T: index) {
  // CHECK: attributes {schedule = #tile.schedule<rows = [1], panels = [1], block = 4,
  tile.rows %T columns 64 granule 16 apply {
  ^bb0(%m: index, %n: index):
    tile.yield
  } kinds []
  return
}

// The row for bf16 weights stands before the one for any.
// CHECK-LABEL: func @contract
func.func @contract(%x: memref<?x32xf32>, %w: memref<4x16x16x2xbf16>,
                    %v: memref<4x32x16x1xf16>) {
  // CHECK: attributes {schedule = #tile.schedule<rows = [5, 4, 2, 1],
  tile.contract %x, %w columns 64 granule 16 {
  ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
    tile.yield
  } : memref<?x32xf32>, memref<4x16x16x2xbf16>
  // CHECK: attributes {schedule = #tile.schedule<rows = [6, 4, 2, 1],
  tile.contract %x, %v columns 64 granule 16 {
  ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
    tile.yield
  } : memref<?x32xf32>, memref<4x32x16x1xf16>
  return
}

// A row of the module's for these columns and terms; one that asks for other
// columns or terms is passed over (@contract).
// CHECK-LABEL: func @own_row
func.func @own_row(%x: memref<?x48xf32>, %w: memref<4x48x16x1xf16>,
                   %step: !tile.step, %worker: index, %workers: index) {
  // REMARK: remark: [Passed] assign-schedules {{.*}}phase 'p' takes a tuned schedule for 64 columns of 48 terms from cache.mlir
  tile.phase "p" id 0 (%step, %worker, %workers) {
    // CHECK: attributes {schedule = #tile.schedule<rows = [3, 1],
    tile.contract %x, %w columns 64 granule 16 {
    ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
      tile.yield
    } : memref<?x48xf32>, memref<4x48x16x1xf16>
  }
  return
}

// A schedule that is there stays.
// CHECK-LABEL: func @keep
func.func @keep(%T: index) {
  // CHECK: block = 99,
  tile.rows %T columns 64 granule 16
      attributes {schedule = #tile.schedule<rows = [1], panels = [1], block = 99, unit = 64, unroll = 1, prefetch = 0>}
      apply {
  ^bb0(%m: index, %n: index):
    tile.yield
  } kinds []
  return
}

}
