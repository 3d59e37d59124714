// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @linear
// CHECK-SAME:    %[[X:.*]]: tensor<?x64xf32>, %[[W:.*]]: !mica.weight<96x64, bf16>
func.func @linear(%x: tensor<?x64xf32>, %w: !mica.weight<96x64, bf16>) -> tensor<?x96xf32> {
  // CHECK:      %[[Y:.*]] = mica.group "linear" phase 3 granule 16 elastic {
  // CHECK:        %[[P:.*]] = mica.linear %[[X]], %[[W]]
  // CHECK:        mica.yield %[[P]] : tensor<?x96xf32>
  // CHECK:      } : tensor<?x96xf32>
  // CHECK:      return %[[Y]]
  %y = mica.group "linear" phase 3 granule 16 elastic {
    %0 = mica.linear %x, %w : tensor<?x64xf32>, !mica.weight<96x64, bf16> -> tensor<?x96xf32>
    mica.yield %0 : tensor<?x96xf32>
  } : tensor<?x96xf32>
  return %y : tensor<?x96xf32>
}

// Planned: the result has a place in an arena.
// CHECK-LABEL: func @planned
func.func @planned(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  // CHECK: } {buffers = [#mica.buffer<arena = row, offset = 0, stride = 64>]} : tensor<?x64xf32>
  %y = mica.group "rows" phase 0 {
    %0 = arith.addf %x, %x : tensor<?x64xf32>
    mica.yield %0 : tensor<?x64xf32>
  } {buffers = [#mica.buffer<arena = row, offset = 0, stride = 64>]} : tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
