// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @three_taps
// CHECK-SAME:    %[[X:.*]]: tensor<?x64xf32>, %[[W:.*]]: !mica.weight<3x64, f32>, %[[S:.*]]: !mica.state<2x64, f32>, %[[BATCH:.*]]: !mica.batch
func.func @three_taps(%x: tensor<?x64xf32>, %w: !mica.weight<3x64, f32>, %s: !mica.state<2x64, f32>, %batch: !mica.batch) -> (tensor<?x64xf32>, !mica.state<2x64, f32>) {
  // CHECK: mica.short_conv %[[X]], %[[W]], %[[S]], %[[BATCH]] : tensor<?x64xf32>, <3x64, f32>, <2x64, f32>
  %y, %s1 = mica.short_conv %x, %w, %s, %batch : tensor<?x64xf32>, !mica.weight<3x64, f32>, !mica.state<2x64, f32>
  return %y, %s1 : tensor<?x64xf32>, !mica.state<2x64, f32>
}

// CHECK-LABEL: func @bias
func.func @bias(%x: tensor<?x64xf32>, %w: !mica.weight<4x64, f32>, %b: !mica.weight<64, f32>, %s: !mica.state<3x64, f32>, %batch: !mica.batch) -> !mica.state<3x64, f32> {
  // CHECK: mica.short_conv %{{.*}} bias %{{.*}} : tensor<?x64xf32>, <4x64, f32>, <3x64, f32>, !mica.weight<64, f32>
  %y, %s1 = mica.short_conv %x, %w, %s, %batch bias %b : tensor<?x64xf32>, !mica.weight<4x64, f32>, !mica.state<3x64, f32>, !mica.weight<64, f32>
  return %s1 : !mica.state<3x64, f32>
}
