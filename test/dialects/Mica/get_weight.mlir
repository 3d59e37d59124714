// RUN: mica-opt %s | mica-opt | FileCheck %s

mica.weight @norm : !mica.weight<64, f32>

// CHECK-LABEL: func @by_symbol
func.func @by_symbol() -> !mica.weight<64, f32> {
  // CHECK: mica.get_weight @norm : <64, f32>
  %w = mica.get_weight @norm : !mica.weight<64, f32>
  return %w : !mica.weight<64, f32>
}
