// RUN: mica-opt %s -mica-merge-linears | FileCheck %s
// RUN: mica-opt %s -mica-merge-linears --remarks-filter-missed=mica \
// RUN:     --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=REMARK

module attributes {mica.dtype = bf16, mica.target = #mica.target<cpu = "x86-64-v3", features = "", vector_bits = 256, panel = 16, max_granule = 256, dot = []>} {
  // CHECK-LABEL: func @gate_up
  // CHECK-SAME:    %[[X:.*]]: tensor<?x64xf32>, %[[WG:.*]]: !mica.weight<96x64, bf16>, %[[WU:.*]]: !mica.weight<96x64, bf16>
  func.func @gate_up(%x: tensor<?x64xf32>, %wg: !mica.weight<96x64, bf16>, %wu: !mica.weight<96x64, bf16>) -> tensor<?x96xf32> {
    // CHECK:      %[[W:.*]] = mica.pack %[[WG]], %[[WU]] {interleave = 16 : i64}
    // CHECK:      %[[GU:.*]] = mica.linear %[[X]], %[[W]]
    // CHECK-NEXT: %[[S:.*]]:2 = mica.split %[[GU]] {interleave = 16 : i64} : tensor<?x192xf32> -> tensor<?x96xf32>, tensor<?x96xf32>
    // CHECK-NEXT: %[[T:.*]] = math.tanh %[[S]]#0
    // CHECK-NEXT: arith.mulf %[[T]], %[[S]]#1
    %g = mica.linear %x, %wg : tensor<?x64xf32>, !mica.weight<96x64, bf16> -> tensor<?x96xf32>
    %t = math.tanh %g : tensor<?x96xf32>
    %u = mica.linear %x, %wu : tensor<?x64xf32>, !mica.weight<96x64, bf16> -> tensor<?x96xf32>
    %h = arith.mulf %t, %u : tensor<?x96xf32>
    return %h : tensor<?x96xf32>
  }

  // The number of rows is no use of the values.
  // CHECK-LABEL: func @gate_up_counted
  // CHECK-SAME:    %[[X:.*]]: tensor<?x64xf32>,
  func.func @gate_up_counted(%x: tensor<?x64xf32>, %wg: !mica.weight<96x64, bf16>, %wu: !mica.weight<96x64, bf16>) -> tensor<?x96xf32> {
    // CHECK-DAG: tensor.dim %[[X]]
    // CHECK-DAG: mica.split
    %c0 = arith.constant 0 : index
    %one = arith.constant 1.0 : f32
    %g = mica.linear %x, %wg : tensor<?x64xf32>, !mica.weight<96x64, bf16> -> tensor<?x96xf32>
    %rows = tensor.dim %g, %c0 : tensor<?x96xf32>
    %ones = tensor.splat %one[%rows] : tensor<?x96xf32>
    %a = arith.addf %g, %ones : tensor<?x96xf32>
    %u = mica.linear %x, %wu : tensor<?x64xf32>, !mica.weight<96x64, bf16> -> tensor<?x96xf32>
    %h = arith.mulf %a, %u : tensor<?x96xf32>
    return %h : tensor<?x96xf32>
  }

  // One result is wanted by itself.
  // CHECK-LABEL: func @no_merge_other_use
  func.func @no_merge_other_use(%x: tensor<?x64xf32>, %wg: !mica.weight<96x64, bf16>, %wu: !mica.weight<96x64, bf16>) -> (tensor<?x96xf32>, tensor<?x96xf32>) {
    // CHECK-NOT: mica.pack
    %g = mica.linear %x, %wg : tensor<?x64xf32>, !mica.weight<96x64, bf16> -> tensor<?x96xf32>
    %u = mica.linear %x, %wu : tensor<?x64xf32>, !mica.weight<96x64, bf16> -> tensor<?x96xf32>
    %h = arith.mulf %g, %u : tensor<?x96xf32>
    return %h, %g : tensor<?x96xf32>, tensor<?x96xf32>
  }

  // 40 columns are no multiple of the panel.
  // CHECK-LABEL: func @no_merge_panel
  func.func @no_merge_panel(%x: tensor<?x64xf32>, %wg: !mica.weight<40x64, bf16>, %wu: !mica.weight<40x64, bf16>) -> tensor<?x40xf32> {
    // CHECK-NOT: mica.pack
    // REMARK: remark: [Missed] merge-linears {{.*}}40 columns are no multiple of the panel of 16
    %g = mica.linear %x, %wg : tensor<?x64xf32>, !mica.weight<40x64, bf16> -> tensor<?x40xf32>
    %u = mica.linear %x, %wu : tensor<?x64xf32>, !mica.weight<40x64, bf16> -> tensor<?x40xf32>
    %h = arith.mulf %g, %u : tensor<?x40xf32>
    return %h : tensor<?x40xf32>
  }
}
