// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK: module @m0 attributes {mica.value = #mica.mask<causal = true, window = 512>}
module @m0 attributes {mica.value =
  #mica.mask<causal = true, window = 512>
} {}

// CHECK: module @m1 attributes {mica.value = #mica.mask<causal = false{{.*}}>}
module @m1 attributes {mica.value =
  #mica.mask<causal = false>
} {}

// CHECK: module @m2 attributes {mica.value = #mica.mask<causal = true, window = 512, sink = 4>}
module @m2 attributes {mica.value =
  #mica.mask<causal = true, window = 512, sink = 4>
} {}

// CHECK: module @m3 attributes {mica.value = #mica.mask<causal = true, chunk = 8192>}
module @m3 attributes {mica.value =
  #mica.mask<causal = true, chunk = 8192>
} {}
