// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK: module @m0 attributes {mica.value = #mica.layout<panel = 16, group = 2, granule = 128, align = 16>}
module @m0 attributes {mica.value =
  #mica.layout<panel = 16, group = 2, granule = 128, align = 16>
} {}
