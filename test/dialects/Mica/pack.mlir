// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @interleaved
// CHECK-SAME:    %[[G:.*]]: !mica.weight<96x64, f16>, %[[U:.*]]: !mica.weight<96x64, f16>
func.func @interleaved(%g: !mica.weight<96x64, f16>, %u: !mica.weight<96x64, f16>)
    -> !mica.weight<192x64, bf16, #mica.layout<panel = 16, group = 2, granule = 32, align = 16>> {
  // CHECK: mica.pack %[[G]], %[[U]] {interleave = 16 : i64} : (!mica.weight<96x64, f16>, !mica.weight<96x64, f16>) -> !mica.weight<192x64, bf16, #mica.layout<panel = 16, group = 2, granule = 32, align = 16>>
  %p = mica.pack %g, %u {interleave = 16} : (!mica.weight<96x64, f16>, !mica.weight<96x64, f16>) -> !mica.weight<192x64, bf16, #mica.layout<panel = 16, group = 2, granule = 32, align = 16>>
  return %p : !mica.weight<192x64, bf16, #mica.layout<panel = 16, group = 2, granule = 32, align = 16>>
}

// Without interleaving the sources may have any number of rows.
// CHECK-LABEL: func @stacked
func.func @stacked(%q: !mica.weight<64x64, f32>, %k: !mica.weight<16x64, f32>)
    -> !mica.weight<80x64, f32> {
  // CHECK: mica.pack {{.*}} : (!mica.weight<64x64, f32>, !mica.weight<16x64, f32>) -> !mica.weight<80x64, f32>
  %p = mica.pack %q, %k : (!mica.weight<64x64, f32>, !mica.weight<16x64, f32>) -> !mica.weight<80x64, f32>
  return %p : !mica.weight<80x64, f32>
}
