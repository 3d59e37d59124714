// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK: module @m0 attributes {mica.value = #mica.buffer<arena = row, offset = 2560, stride = 656>}
module @m0 attributes {mica.value =
  #mica.buffer<arena = row, offset = 2560, stride = 656>
} {}
