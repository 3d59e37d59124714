// RUN: mica-opt %s -mica-form-groups -mica-choose-layouts | FileCheck %s

module attributes {mica.dtype = bf16, mica.target = #mica.target<cpu = "x86-64-v3", features = "", vector_bits = 256, panel = 16, max_granule = 256, dot = []>} {
  mica.weight @positions : !mica.weight<100x64, bf16>
  mica.weight @table : !mica.weight<100x64, bf16>

  // Panels padded per head for the product, a plain vector for the norm.
  // CHECK-LABEL: func @product
  // CHECK-SAME:    %[[W:[a-z0-9]+]]: !mica.weight<96x64, bf16>, %[[N:[a-z0-9]+]]: !mica.weight<24, f32>
  func.func @product(%x: tensor<?x64xf32>, %w: !mica.weight<96x64, bf16>, %n: !mica.weight<24, f32>) -> tensor<?x96xf32> {
    // CHECK-DAG: mica.pack %[[W]] : {{.*}} -> !mica.weight<96x64, bf16, #mica.layout<panel = 16, group = 2, granule = 24, align = 2>>
    // CHECK-DAG: mica.pack %[[N]] : {{.*}} -> !mica.weight<24, f32, #mica.layout<panel = 1, group = 1, granule = 1, align = 16>>
    %0 = mica.linear %x, %w : tensor<?x64xf32>, !mica.weight<96x64, bf16> -> tensor<?x96xf32>
    %1 = mica.rms_norm %0, %n {eps = 1.0e-5 : f32} : tensor<?x96xf32>, !mica.weight<24, f32>
    return %1 : tensor<?x96xf32>
  }

  // Indices stay integers.
  // CHECK-LABEL: func @order
  func.func @order(%x: tensor<?x64xf32>, %order: !mica.weight<64, i32>) -> tensor<?x64xf32> {
    // CHECK: mica.pack %{{.*}} -> !mica.weight<64, i32, #mica.layout<panel = 1, group = 1, granule = 1, align = 16>>
    %0 = mica.permute_columns %x, %order : tensor<?x64xf32>, !mica.weight<64, i32>
    return %0 : tensor<?x64xf32>
  }

  // A table that is also multiplied is packed once, for the product.
  // CHECK-LABEL: func @tied
  func.func @tied(%ids: tensor<?xi32>) -> tensor<?x100xf32> {
    // CHECK-COUNT-2: mica.pack {{.*}} -> !mica.weight<100x64, bf16, #mica.layout<panel = 16, group = 2, granule = 16, align = 2>>
    %t = mica.get_weight @table : !mica.weight<100x64, bf16>
    %x = mica.embedding %ids, %t : tensor<?xi32>, !mica.weight<100x64, bf16> -> tensor<?x64xf32>
    %y = mica.linear %x, %t : tensor<?x64xf32>, !mica.weight<100x64, bf16> -> tensor<?x100xf32>
    return %y : tensor<?x100xf32>
  }

  // A table that is only looked up keeps its rows.
  // CHECK-LABEL: func @lookup
  func.func @lookup(%ids: tensor<?xi32>) -> tensor<?x64xf32> {
    // CHECK: mica.pack {{.*}} -> !mica.weight<100x64, bf16, #mica.layout<panel = 1, group = 1, granule = 1, align = 16>>
    %t = mica.get_weight @positions : !mica.weight<100x64, bf16>
    %x = mica.embedding %ids, %t : tensor<?xi32>, !mica.weight<100x64, bf16> -> tensor<?x64xf32>
    return %x : tensor<?x64xf32>
  }

  // A block format is kept: whole blocks of 64 columns with their scales, also
  // for a table.
  mica.weight @blocks : !mica.weight<100x64, #mica.format<"q4_0", 32 x 18, <bits = 4, zero = 8, group = 32, scale = f16>>>
  // CHECK-LABEL: func @blocks_lookup
  func.func @blocks_lookup(%ids: tensor<?xi32>) -> tensor<?x64xf32> {
    // CHECK: mica.pack {{.*}} -> !mica.weight<100x64, #mica.format<"q4_0", 32 x 18, <bits = 4, zero = 8, group = 32, scale = f16>>, #mica.layout<panel = 16, group = 4, granule = 16, align = 64>>
    %t = mica.get_weight @blocks : !mica.weight<100x64, #mica.format<"q4_0", 32 x 18, <bits = 4, zero = 8, group = 32, scale = f16>>>
    %x = mica.embedding %ids, %t : tensor<?xi32>, !mica.weight<100x64, #mica.format<"q4_0", 32 x 18, <bits = 4, zero = 8, group = 32, scale = f16>>> -> tensor<?x64xf32>
    return %x : tensor<?x64xf32>
  }
}
