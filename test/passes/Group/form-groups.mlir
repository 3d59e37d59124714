// RUN: mica-opt %s -mica-form-groups | FileCheck %s

module attributes {mica.dtype = bf16, mica.target = #mica.target<cpu = "x86-64-v3", features = "", vector_bits = 256, panel = 16, max_granule = 256, dot = []>} {
  // The residual add is independent of columns: any segment will do.
  // CHECK-LABEL: func @epilogue
  // CHECK-SAME:    %[[X:.*]]: tensor<?x64xf32>
  func.func @epilogue(%x: tensor<?x64xf32>, %w: !mica.weight<64x64, bf16>) -> tensor<?x64xf32> {
    // CHECK:      mica.group "linear" phase 0 granule 16 elastic {
    // CHECK-NEXT:   %[[Y:.*]] = mica.linear %[[X]]
    // CHECK-NEXT:   %[[S:.*]] = arith.addf %[[Y]], %[[X]]
    // CHECK-NEXT:   mica.yield %[[S]]
    // CHECK-NEXT: } : tensor<?x64xf32>
    %0 = mica.linear %x, %w : tensor<?x64xf32>, !mica.weight<64x64, bf16> -> tensor<?x64xf32>
    %1 = arith.addf %0, %x : tensor<?x64xf32>
    return %1 : tensor<?x64xf32>
  }

  // A norm of heads fits in a segment of one head.
  // CHECK-LABEL: func @head_norm
  func.func @head_norm(%x: tensor<?x64xf32>, %w: !mica.weight<96x64, bf16>, %n: !mica.weight<24, f32>) -> tensor<?x96xf32> {
    // CHECK: mica.group "linear" phase 0 granule 24 {
    // CHECK-NEXT: mica.linear
    // CHECK-NEXT: mica.rms_norm
    %0 = mica.linear %x, %w : tensor<?x64xf32>, !mica.weight<96x64, bf16> -> tensor<?x96xf32>
    %1 = mica.rms_norm %0, %n {eps = 1.0e-5 : f32} : tensor<?x96xf32>, !mica.weight<24, f32>
    return %1 : tensor<?x96xf32>
  }

  // A norm of 512 columns does not: it is a kernel of its own, a phase later.
  // CHECK-LABEL: func @no_epilogue_wide_norm
  func.func @no_epilogue_wide_norm(%x: tensor<?x64xf32>, %w: !mica.weight<512x64, bf16>, %n: !mica.weight<512, f32>) -> tensor<?x512xf32> {
    // CHECK: mica.group "linear" phase 0
    // CHECK: mica.group "rows" phase 1
    // CHECK-NEXT: mica.rms_norm
    %0 = mica.linear %x, %w : tensor<?x64xf32>, !mica.weight<512x64, bf16> -> tensor<?x512xf32>
    %1 = mica.rms_norm %0, %n {eps = 1.0e-5 : f32} : tensor<?x512xf32>, !mica.weight<512, f32>
    return %1 : tensor<?x512xf32>
  }

  // Columns in another order come from the whole row: a phase later, and what
  // rounds them goes along.
  // CHECK-LABEL: func @order
  func.func @order(%x: tensor<?x64xf32>, %w: !mica.weight<64x64, bf16>, %order: !mica.weight<64, i32>) -> tensor<?x64xbf16> {
    // CHECK:      mica.group "linear" phase 0
    // CHECK-NEXT:   mica.linear
    // CHECK-NEXT:   mica.yield
    // CHECK:      mica.group "rows" phase 1
    // CHECK-NEXT:   mica.permute_columns
    // CHECK-NEXT:   mica.quantize
    %0 = mica.linear %x, %w : tensor<?x64xf32>, !mica.weight<64x64, bf16> -> tensor<?x64xf32>
    %1 = mica.permute_columns %0, %order : tensor<?x64xf32>, !mica.weight<64, i32>
    %2 = mica.quantize %1 : tensor<?x64xf32> -> tensor<?x64xbf16>
    return %2 : tensor<?x64xbf16>
  }

  // The other operand comes later, so the later product takes the add.
  // CHECK-LABEL: func @later_takes_it
  func.func @later_takes_it(%x: tensor<?x64xf32>, %w: !mica.weight<64x64, bf16>) -> tensor<?x64xf32> {
    // CHECK:      mica.group "linear" phase 0 granule 16 elastic {
    // CHECK-NEXT:   mica.linear
    // CHECK-NEXT:   mica.yield
    // CHECK:      mica.group "linear" phase 1 granule 16 elastic {
    // CHECK-NEXT:   mica.linear
    // CHECK-NEXT:   arith.addf
    %0 = mica.linear %x, %w : tensor<?x64xf32>, !mica.weight<64x64, bf16> -> tensor<?x64xf32>
    %1 = mica.linear %x, %w : tensor<?x64xf32>, !mica.weight<64x64, bf16> -> tensor<?x64xf32>
    %2 = arith.addf %0, %1 : tensor<?x64xf32>
    return %2 : tensor<?x64xf32>
  }

  // A scan is a kernel of its own: it goes over the rows of a sequence, and what
  // follows sees one row.
  // CHECK-LABEL: func @scan
  func.func @scan(%x: tensor<?x64xf32>, %w: !mica.weight<64x64, bf16>, %taps: !mica.weight<3x64, f32>, %s: !mica.state<2x64, f32>, %batch: !mica.batch) -> (tensor<?x64xf32>, !mica.state<2x64, f32>) {
    // CHECK:      mica.group "linear" phase 0
    // CHECK:      mica.group "scan" phase 1 {
    // CHECK-NEXT:   mica.short_conv
    // CHECK-NEXT:   mica.yield
    // CHECK:      mica.group "rows" phase 2
    // CHECK-NEXT:   arith.mulf
    %0 = mica.linear %x, %w : tensor<?x64xf32>, !mica.weight<64x64, bf16> -> tensor<?x64xf32>
    %1, %s1 = mica.short_conv %0, %taps, %s, %batch : tensor<?x64xf32>, !mica.weight<3x64, f32>, !mica.state<2x64, f32>
    %2 = arith.mulf %1, %0 : tensor<?x64xf32>
    return %2, %s1 : tensor<?x64xf32>, !mica.state<2x64, f32>
  }
}
