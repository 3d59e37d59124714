// RUN: mica-opt %s -split-input-file -verify-diagnostics

// expected-error@+2 {{expects as many entries of panels as of rows, but got 1 and 2}}
func.func @schedule_panels() attributes {tile.example =
    #tile.schedule<rows = [2, 1], panels = [2], block = 8, unit = 16, unroll = 1, prefetch = 0>
    } {
  return
}

// -----

// expected-error@+2 {{expects as many entries of prefetch as of rows, but got 3 and 2}}
func.func @schedule_prefetch() attributes {tile.example =
    #tile.schedule<rows = [2, 1], panels = [2, 2], block = 8, unit = 16, unroll = 1, prefetch = [0, 0, 0]>
    } {
  return
}

// -----

// expected-error@+2 {{expects rows that descend to 1, but got [2, 4, 1]}}
func.func @schedule_rows() attributes {tile.example =
    #tile.schedule<rows = [2, 4, 1], panels = [2, 2, 2], block = 8, unit = 16, unroll = 1, prefetch = 0>
    } {
  return
}

// -----

// expected-error@+2 {{expects positive sizes in a schedule}}
func.func @schedule_sizes() attributes {tile.example =
    #tile.schedule<rows = [1], panels = [2], block = 0, unit = 16, unroll = 1, prefetch = 0>
    } {
  return
}
