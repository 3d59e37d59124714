// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @dispatch
func.func @dispatch(%x: tensor<?x64xbf16>, %s: tensor<?x8xi32>) -> tensor<?x8x64xbf16> {
  // CHECK: mica.dispatch %{{.*}}, %{{.*}} : tensor<?x64xbf16>, tensor<?x8xi32> -> tensor<?x8x64xbf16>
  %y = mica.dispatch %x, %s : tensor<?x64xbf16>, tensor<?x8xi32> -> tensor<?x8x64xbf16>
  return %y : tensor<?x8x64xbf16>
}
