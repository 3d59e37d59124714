// RUN: mica-opt %s -split-input-file -mica-quantize-activations -cse | FileCheck %s

// Two products of one input share its rounding.
module attributes {mica.dtype = bf16, mica.target = #mica.target<cpu = "x86-64-v4", features = "+avx512bf16", vector_bits = 512, panel = 16, max_granule = 256, dot = [bf16]>} {
  // CHECK-LABEL: func @shared
  // CHECK-SAME:    %[[X:.*]]: tensor<?x64xf32>, %[[W:.*]]: !mica.weight<96x64, bf16>
  func.func @shared(%x: tensor<?x64xf32>, %w: !mica.weight<96x64, bf16>) -> (tensor<?x96xf32>, tensor<?x96xf32>) {
    // CHECK:      %[[Q:.*]] = mica.quantize %[[X]] : tensor<?x64xf32> -> tensor<?x64xbf16>
    // CHECK-NEXT: mica.linear %[[Q]], %[[W]]
    %y = mica.linear %x, %w : tensor<?x64xf32>, !mica.weight<96x64, bf16> -> tensor<?x96xf32>
    %z = mica.linear %x, %w : tensor<?x64xf32>, !mica.weight<96x64, bf16> -> tensor<?x96xf32>
    return %y, %z : tensor<?x96xf32>, tensor<?x96xf32>
  }
}

// -----

// No product of pairs: activations stay f32.
module attributes {mica.dtype = bf16, mica.target = #mica.target<cpu = "x86-64-v3", features = "", vector_bits = 256, panel = 16, max_granule = 256, dot = []>} {
  // CHECK-LABEL: func @no_dot
  func.func @no_dot(%x: tensor<?x64xf32>, %w: !mica.weight<96x64, bf16>) -> tensor<?x96xf32> {
    // CHECK-NOT: mica.quantize
    %y = mica.linear %x, %w : tensor<?x64xf32>, !mica.weight<96x64, bf16> -> tensor<?x96xf32>
    return %y : tensor<?x96xf32>
  }
}
