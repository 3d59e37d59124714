// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK: func private @f0(!mica.weight<4096x2048, bf16>)
func.func private @f0(
  !mica.weight<4096x2048, bf16>
)

// CHECK: func private @f1(!mica.weight<640, f32>)
func.func private @f1(
  !mica.weight<640, f32>
)

// CHECK: func private @f2(!mica.weight<4096x2048, #mica.format<"q4_k", 256 x 144>>)
func.func private @f2(
  !mica.weight<4096x2048, #mica.format<"q4_k", 256 x 144>>
)

// CHECK: func private @f3(!mica.weight<4096x2048, bf16, #mica.layout<panel = 16, group = 2, granule = 16, align = 16>>)
func.func private @f3(
  !mica.weight<4096x2048, bf16, #mica.layout<panel = 16, group = 2, granule = 16, align = 16>>
)

// CHECK: func private @f4(!mica.weight<640, i32>)
func.func private @f4(
  !mica.weight<640, i32>
)

// CHECK: func private @f5(!mica.weight<64x1024x2048, bf16>)
func.func private @f5(
  !mica.weight<64x1024x2048, bf16>
)
