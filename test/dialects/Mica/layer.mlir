// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK: module @m0 attributes {mica.value = #mica.layer<@layer, kv = [0], shared = [0, 1], weights = [@norm, @query]>}
module @m0 attributes {mica.value =
  #mica.layer<@layer, kv = [0], shared = [0, 1], weights = [@norm, @query]>
} {}

// CHECK: module @m1 attributes {mica.value = #mica.layer<@layer, kv = [], shared = [], weights = []>}
module @m1 attributes {mica.value =
  #mica.layer<@layer, kv = [], shared = [], weights = []>
} {}
