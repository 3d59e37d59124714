// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK: module @m0 attributes {mica.value = #mica.source<file = 0, tensor = "blk.0.attn_q.weight", first = 0, rows = 1024, transposed = false, permuted = 0>}
module @m0 attributes {mica.value =
  #mica.source<file = 0, tensor = "blk.0.attn_q.weight", first = 0, rows = 1024, transposed = false, permuted = 0>
} {}

// CHECK: module @m1 attributes {mica.value = #mica.source<file = 0, tensor = "blk.0.attn_q.weight", first = 0, rows = 1024, transposed = false, permuted = 16>}
module @m1 attributes {mica.value =
  #mica.source<file = 0, tensor = "blk.0.attn_q.weight", first = 0, rows = 1024, transposed = false, permuted = 16>
} {}

// CHECK: module @m2 attributes {mica.value = #mica.source<file = 0, tensor = "layers.0.attention.query_key_value.weight", first = 64, rows = 1024, transposed = false, permuted = 0, run = 64, stride = 192>}
module @m2 attributes {mica.value =
  #mica.source<file = 0, tensor = "layers.0.attention.query_key_value.weight", first = 64, rows = 1024, transposed = false, permuted = 0, run = 64, stride = 192>
} {}
