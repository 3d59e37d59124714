// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @sort_choices
func.func @sort_choices(%e: tensor<?x8xi32>) -> tensor<?x20xi32> {
  // CHECK: mica.sort_choices %{{.*}} {count = 64 : i64} : tensor<?x8xi32> -> tensor<?x8xi32>, tensor<?x8xi32>, tensor<?x20xi32>
  %place, %source, %parts = mica.sort_choices %e {count = 64 : i64} : tensor<?x8xi32> -> tensor<?x8xi32>, tensor<?x8xi32>, tensor<?x20xi32>
  return %parts : tensor<?x20xi32>
}
