// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK: func private @f0(!mica.batch)
func.func private @f0(
  !mica.batch
)
