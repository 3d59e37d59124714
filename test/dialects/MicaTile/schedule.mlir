// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @schedule
// CHECK-SAME:    #tile.schedule<rows = [12, 8, 4, 2, 1], panels = [2, 2, 2, 4, 4], block = 256, unit = 128, unroll = 4, prefetch = 0>
func.func @schedule() attributes {tile.example =
    #tile.schedule<rows = [12, 8, 4, 2, 1], panels = [2, 2, 2, 4, 4], block = 256, unit = 128, unroll = 4, prefetch = 0>
    } {
  return
}

// What is 0 unless it is said, in the order of the parameters.
// CHECK-LABEL: func @optional
// CHECK-SAME:    unroll = 1, prefetch = 0, prefetch_next = 2>
// CHECK-SAME:    unroll = 1, prefetch = 0, depth = 512, prefetch_next = 2>
// CHECK-SAME:    unroll = 1, prefetch = 0>
func.func @optional() attributes {
    a = #tile.schedule<rows = [1], panels = [1], block = 1, unit = 16, unroll = 1, prefetch = 0, prefetch_next = 2>,
    b = #tile.schedule<rows = [1], panels = [1], block = 1, unit = 16, unroll = 1, prefetch = 0, prefetch_next = 2, depth = 512>,
    c = #tile.schedule<rows = [1], panels = [1], block = 1, unit = 16, unroll = 1, prefetch = 0, depth = 0>
    } {
  return
}
