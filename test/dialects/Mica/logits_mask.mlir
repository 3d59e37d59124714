// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @logits_mask
func.func @logits_mask(%x: tensor<?x97xf32>, %words: tensor<?x4xi32>) -> (tensor<?x97xf32>) {
  // CHECK: mica.logits_mask %{{.*}}, %{{.*}} : tensor<?x97xf32>, tensor<?x4xi32>
  %y = mica.logits_mask %x, %words : tensor<?x97xf32>, tensor<?x4xi32>
  return %y : tensor<?x97xf32>
}

// A list that holds for all rows.
// CHECK-LABEL: func @list
func.func @list(%x: tensor<?x97xf32>, %allowed: !mica.weight<97, i32>) -> tensor<?x97xf32> {
  // CHECK: mica.logits_mask %{{.*}}, %{{.*}} : tensor<?x97xf32>, !mica.weight<97, i32>
  %y = mica.logits_mask %x, %allowed : tensor<?x97xf32>, !mica.weight<97, i32>
  return %y : tensor<?x97xf32>
}
