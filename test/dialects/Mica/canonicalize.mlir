// RUN: mica-opt %s -canonicalize -split-input-file | FileCheck %s

// Rounding to the type that is there already.
// CHECK-LABEL: func @quantize_same_type
// CHECK-SAME:    %[[X:.*]]: tensor<?x64xf32>
func.func @quantize_same_type(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  // CHECK-NEXT: return %[[X]]
  %q = mica.quantize %x : tensor<?x64xf32> -> tensor<?x64xf32>
  return %q : tensor<?x64xf32>
}

// CHECK-LABEL: func @pack_one_as_it_is
// CHECK-SAME:    %[[W:.*]]: !mica.weight<96x64, f32>
func.func @pack_one_as_it_is(%w: !mica.weight<96x64, f32>) -> !mica.weight<96x64, f32> {
  // CHECK-NEXT: return %[[W]]
  %p = mica.pack %w : (!mica.weight<96x64, f32>) -> !mica.weight<96x64, f32>
  return %p : !mica.weight<96x64, f32>
}

// CHECK-LABEL: func @no_fold_pack_with_offset
func.func @no_fold_pack_with_offset(%w: !mica.weight<64, f32>) -> !mica.weight<64, f32> {
  // CHECK-NEXT: mica.pack
  %p = mica.pack %w {offset = 1.0 : f32} : (!mica.weight<64, f32>) -> !mica.weight<64, f32>
  return %p : !mica.weight<64, f32>
}

// CHECK-LABEL: func @no_fold_pack_to_another_type
func.func @no_fold_pack_to_another_type(%w: !mica.weight<64, f32>) -> !mica.weight<64, bf16> {
  // CHECK-NEXT: mica.pack
  %p = mica.pack %w : (!mica.weight<64, f32>) -> !mica.weight<64, bf16>
  return %p : !mica.weight<64, bf16>
}

// Ops on rows have no effect but their results.
// CHECK-LABEL: func @unused_is_removed
func.func @unused_is_removed(%x: tensor<?x64xf32>, %w: !mica.weight<64, f32>) {
  // CHECK-NEXT: return
  %y = mica.rms_norm %x, %w {eps = 1.0e-5 : f32} : tensor<?x64xf32>, !mica.weight<64, f32>
  return
}
