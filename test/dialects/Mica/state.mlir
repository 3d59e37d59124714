// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK: func private @f0(!mica.state<32x128x64, f32>)
func.func private @f0(
  !mica.state<32x128x64, f32>
)
