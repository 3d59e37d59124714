// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK: module @m0 attributes {mica.value = #mica.mask<causal = true, window = 512>}
module @m0 attributes {mica.value =
  #mica.mask<causal = true, window = 512>
} {}

// CHECK: module @m1 attributes {mica.value = #mica.mask<causal = false{{.*}}>}
module @m1 attributes {mica.value =
  #mica.mask<causal = false>
} {}
