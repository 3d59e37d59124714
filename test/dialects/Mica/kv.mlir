// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK: func private @f0(!mica.kv<heads = 4, key = 64, value = 64, element = bf16, page = 32, window = 0>)
func.func private @f0(
  !mica.kv<heads = 4, key = 64, value = 64, element = bf16, page = 32, window = 0>
)
