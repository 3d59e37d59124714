// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK: module @m0 attributes {mica.value = #mica.target<cpu = "x86-64-v4", features = "+avx512bf16", vector_bits = 512, panel = 16, max_granule = 256, dot = [bf16]>}
module @m0 attributes {mica.value =
  #mica.target<cpu = "x86-64-v4", features = "+avx512bf16", vector_bits = 512, panel = 16, max_granule = 256, dot = [bf16]>
} {}
