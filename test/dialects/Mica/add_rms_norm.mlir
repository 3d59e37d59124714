// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @whole_row
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>, %[[R:.*]]: tensor<?x8xf32>, %[[W:.*]]: !mica.weight<8, f32>
func.func @whole_row(%x: tensor<?x8xf32>, %r: tensor<?x8xf32>, %w: !mica.weight<8, f32>)
    -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  // CHECK: %[[SUM:.*]], %[[Y:.*]] = mica.add_rms_norm %[[X]], %[[R]], %[[W]] {eps = {{.*}} : f32} : tensor<?x8xf32>, <8, f32>
  // CHECK: return %[[SUM]], %[[Y]]
  %sum, %y = mica.add_rms_norm %x, %r, %w {eps = 1.0e-5 : f32} : tensor<?x8xf32>, !mica.weight<8, f32>
  return %sum, %y : tensor<?x8xf32>, tensor<?x8xf32>
}
