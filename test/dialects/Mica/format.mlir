// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK: module @m0 attributes {mica.value = #mica.format<"q4_k", 256 x 144>}
module @m0 attributes {mica.value =
  #mica.format<"q4_k", 256 x 144>
} {}
