// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK: module @m0 attributes {mica.value = #mica.format<"q4_k", 256 x 144>}
module @m0 attributes {mica.value =
  #mica.format<"q4_k", 256 x 144>
} {}

// CHECK: module @m1 attributes {mica.value = #mica.format<"q4_0", 32 x 18, <bits = 4, zero = 8, group = 32, scale = f16>>}
module @m1 attributes {mica.value =
  #mica.format<"q4_0", 32 x 18, <bits = 4, zero = 8, group = 32, scale = f16>>
} {}
