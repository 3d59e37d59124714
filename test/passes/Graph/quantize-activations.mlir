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

// -----

// Rows meet the integers of a block format in int8, whatever floats do.
module attributes {mica.dtype = bf16, mica.target = #mica.target<cpu = "x86-64-v3", features = "", vector_bits = 256, panel = 16, max_granule = 256, dot = []>} {
  // CHECK-LABEL: func @blocks
  func.func @blocks(%x: tensor<?x64xf32>, %w: !mica.weight<96x64, #mica.format<"q8_0", 32 x 34, <bits = 8, zero = 128, group = 32, scale = f16>>>) -> tensor<?x96xf32> {
    // CHECK: mica.quantize %{{.*}} : tensor<?x64xf32> -> tensor<?x64xi8, #tile.groups<32 part 32 zero 128>>
    %y = mica.linear %x, %w : tensor<?x64xf32>, !mica.weight<96x64, #mica.format<"q8_0", 32 x 34, <bits = 8, zero = 128, group = 32, scale = f16>>> -> tensor<?x96xf32>
    return %y : tensor<?x96xf32>
  }
  // Sums of rows are over the shorter groups of weights, and plain where zeros
  // differ or there are minima.
  // CHECK-LABEL: func @shared
  func.func @shared(%x: tensor<?x64xf32>, %v: !mica.weight<96x64, #mica.format<"w4g16", 16 x 10, <bits = 4, zero = 8, group = 16, scale = f16>>>, %w: !mica.weight<96x64, #mica.format<"q4_0", 32 x 18, <bits = 4, zero = 8, group = 32, scale = f16>>>) -> (tensor<?x96xf32>, tensor<?x96xf32>) {
    // CHECK: mica.quantize %{{.*}} -> tensor<?x64xi8, #tile.groups<32 zero 8>>
    %y = mica.linear %x, %v : tensor<?x64xf32>, !mica.weight<96x64, #mica.format<"w4g16", 16 x 10, <bits = 4, zero = 8, group = 16, scale = f16>>> -> tensor<?x96xf32>
    %z = mica.linear %x, %w : tensor<?x64xf32>, !mica.weight<96x64, #mica.format<"q4_0", 32 x 18, <bits = 4, zero = 8, group = 32, scale = f16>>> -> tensor<?x96xf32>
    return %y, %z : tensor<?x96xf32>, tensor<?x96xf32>
  }
  // CHECK-LABEL: func @zeros
  func.func @zeros(%x: tensor<?x64xf32>, %v: !mica.weight<96x64, #mica.format<"q8_0", 32 x 34, <bits = 8, zero = 128, group = 32, scale = f16>>>, %w: !mica.weight<96x64, #mica.format<"q4_0", 32 x 18, <bits = 4, zero = 8, group = 32, scale = f16>>>) -> (tensor<?x96xf32>, tensor<?x96xf32>) {
    // CHECK: mica.quantize %{{.*}} -> tensor<?x64xi8, #tile.groups<32 part 32>>
    %y = mica.linear %x, %v : tensor<?x64xf32>, !mica.weight<96x64, #mica.format<"q8_0", 32 x 34, <bits = 8, zero = 128, group = 32, scale = f16>>> -> tensor<?x96xf32>
    %z = mica.linear %x, %w : tensor<?x64xf32>, !mica.weight<96x64, #mica.format<"q4_0", 32 x 18, <bits = 4, zero = 8, group = 32, scale = f16>>> -> tensor<?x96xf32>
    return %y, %z : tensor<?x96xf32>, tensor<?x96xf32>
  }
  // Not with groups of 8, of which rows have no sums.
  // CHECK-LABEL: func @small_groups
  func.func @small_groups(%x: tensor<?x64xf32>, %w: !mica.weight<96x64, #mica.format<"w4g8", 8 x 6, <bits = 4, zero = 8, group = 8, scale = f16>>>) -> tensor<?x96xf32> {
    // CHECK-NOT: mica.quantize
    %y = mica.linear %x, %w : tensor<?x64xf32>, !mica.weight<96x64, #mica.format<"w4g8", 8 x 6, <bits = 4, zero = 8, group = 8, scale = f16>>> -> tensor<?x96xf32>
    return %y : tensor<?x96xf32>
  }
}

// -----

// `--activations=f32`
module attributes {mica.activations = f32, mica.dtype = bf16, mica.target = #mica.target<cpu = "x86-64-v4", features = "+avx512bf16", vector_bits = 512, panel = 16, max_granule = 256, dot = [bf16]>} {
  // CHECK-LABEL: func @asked
  func.func @asked(%x: tensor<?x64xf32>, %w: !mica.weight<96x64, bf16>) -> tensor<?x96xf32> {
    // CHECK-NOT: mica.quantize
    %y = mica.linear %x, %w : tensor<?x64xf32>, !mica.weight<96x64, bf16> -> tensor<?x96xf32>
    return %y : tensor<?x96xf32>
  }
}

// -----

// Many rows meet tiles as floats.
module attributes {mica.dtype = bf16, mica.target = #mica.target<cpu = "x86-64-v4", features = "+avx512bf16,+amx-tile,+amx-bf16", vector_bits = 512, panel = 16, max_granule = 256, dot = [bf16], tiles = bf16>} {
  // CHECK-LABEL: func @tiles
  func.func @tiles(%x: tensor<?x64xf32>, %w: !mica.weight<96x64, #mica.format<"q8_0", 32 x 34, <bits = 8, zero = 128, group = 32, scale = f16>>>) -> tensor<?x96xf32> {
    // CHECK: mica.quantize %{{.*}} : tensor<?x64xf32> -> tensor<?x64xi8, #tile.groups<32 part 32 zero 128, values = bf16 from {{[0-9]+}}>>
    %y = mica.linear %x, %w : tensor<?x64xf32>, !mica.weight<96x64, #mica.format<"q8_0", 32 x 34, <bits = 8, zero = 128, group = 32, scale = f16>>> -> tensor<?x96xf32>
    return %y : tensor<?x96xf32>
  }
}

// -----

// So do weights where rows are bf16, without tiles too: of floats, and of
// integers if asked.
module attributes {mica.activations = bf16, mica.dtype = bf16, mica.target = #mica.target<cpu = "x86-64-v4", features = "+avx512bf16", vector_bits = 512, panel = 16, max_granule = 256, dot = [bf16]>} {
  // CHECK-LABEL: func @rounded
  func.func @rounded(%x: tensor<?x64xf32>, %w: !mica.weight<96x64, #mica.format<"e4m3g32", 32 x 34, <bits = 8, zero = 0, group = 32, scale = f16 floats = f8E4M3FN>>>) -> tensor<?x96xf32> {
    // CHECK: mica.linear %{{.*}}, %{{.*}} {round_weights_from = {{[0-9]+}} : i64} : tensor<?x64xbf16>
    %y = mica.linear %x, %w : tensor<?x64xf32>, !mica.weight<96x64, #mica.format<"e4m3g32", 32 x 34, <bits = 8, zero = 0, group = 32, scale = f16 floats = f8E4M3FN>>> -> tensor<?x96xf32>
    return %y : tensor<?x96xf32>
  }
  // Rows of 48 are no whole runs.
  // CHECK-LABEL: func @no_steps
  func.func @no_steps(%x: tensor<?x48xf32>, %w: !mica.weight<96x48, #mica.format<"w4g16", 16 x 10, <bits = 4, zero = 8, group = 16, scale = f16>>>) -> tensor<?x96xf32> {
    // CHECK-NOT: round_weights_from
    %y = mica.linear %x, %w : tensor<?x48xf32>, !mica.weight<96x48, #mica.format<"w4g16", 16 x 10, <bits = 4, zero = 8, group = 16, scale = f16>>> -> tensor<?x96xf32>
    return %y : tensor<?x96xf32>
  }
  // CHECK-LABEL: func @no_blocks
  func.func @no_blocks(%x: tensor<?x64xf32>, %w: !mica.weight<96x64, bf16>) -> tensor<?x96xf32> {
    // CHECK-NOT: round_weights_from
    %y = mica.linear %x, %w : tensor<?x64xf32>, !mica.weight<96x64, bf16> -> tensor<?x96xf32>
    return %y : tensor<?x96xf32>
  }
}
