// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK: module @m0 attributes {mica.value = #mica.source<file = 0, tensor = "blk.0.attn_q.weight", first = 0, rows = 1024, transposed = false, permuted = 0>}
module @m0 attributes {mica.value =
  #mica.source<file = 0, tensor = "blk.0.attn_q.weight", first = 0, rows = 1024, transposed = false, permuted = 0>
} {}

// CHECK: module @m1 attributes {mica.value = #mica.source<file = 0, tensor = "blk.0.attn_q.weight", first = 0, rows = 1024, transposed = false, permuted = 16>}
module @m1 attributes {mica.value =
  #mica.source<file = 0, tensor = "blk.0.attn_q.weight", first = 0, rows = 1024, transposed = false, permuted = 16>
} {}
