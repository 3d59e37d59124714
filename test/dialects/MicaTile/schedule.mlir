// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @schedule
// CHECK-SAME:    #tile.schedule<rows = [12, 8, 4, 2, 1], panels = [2, 2, 2, 4, 4], block = 256, unit = 128, unroll = 4, prefetch = 0>
func.func @schedule() attributes {tile.example =
    #tile.schedule<rows = [12, 8, 4, 2, 1], panels = [2, 2, 2, 4, 4], block = 256, unit = 128, unroll = 4, prefetch = 0>
    } {
  return
}

// One number, or one of each row tile; no depth unless it is said.
// CHECK-LABEL: func @optional
// CHECK-SAME:    unroll = 1, prefetch = 512>
// CHECK-SAME:    unroll = 1, prefetch = [4096, 4096, 0]>
// CHECK-SAME:    unroll = 1, prefetch = [512, 512], depth = 64>
// CHECK-SAME:    unroll = 1, prefetch = 0>
func.func @optional() attributes {
    a = #tile.schedule<rows = [2, 1], panels = [1, 1], block = 2, unit = 16, unroll = 1, prefetch = [0, 512]>,
    aa =
    #tile.schedule<rows = [4, 2, 1], panels = [1, 1, 1], block = 64, unit = 128, unroll = 1, prefetch = [4096, 4096, 0]>
    ,
    b = #tile.schedule<rows = [2, 1], panels = [1, 1], block = 2, unit = 16, unroll = 1, prefetch = [512, 512], depth = 64>,
    c = #tile.schedule<rows = [1], panels = [1], block = 1, unit = 16, unroll = 1, prefetch = 0, depth = 0>
    } {
  return
}
