// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @schedule
// CHECK-SAME:    #tile.schedule<rows = [12, 8, 4, 2, 1], panels = [2, 2, 2, 4, 4], block = 256, unit = 128, unroll = 4, prefetch = 0>
func.func @schedule() attributes {tile.example =
    #tile.schedule<rows = [12, 8, 4, 2, 1], panels = [2, 2, 2, 4, 4], block = 256, unit = 128, unroll = 4, prefetch = 0>
    } {
  return
}
