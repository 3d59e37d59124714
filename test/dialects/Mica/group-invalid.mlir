// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @group_c1(%x: tensor<?x64xf32>, %w: !mica.weight<64x64, bf16>) {
  // expected-error@below {{'mica.group' op expects one contraction or attention, but got 2}}
  %y = mica.group "linear" phase 0 {
    %0 = mica.linear %x, %w : tensor<?x64xf32>, !mica.weight<64x64, bf16> -> tensor<?x64xf32>
    %1 = mica.linear %0, %w : tensor<?x64xf32>, !mica.weight<64x64, bf16> -> tensor<?x64xf32>
    mica.yield %1 : tensor<?x64xf32>
  } : tensor<?x64xf32>
  return
}

// -----

func.func @group_c2(%x: tensor<?x64xf32>) {
  // expected-error@below {{'mica.group' op expects a buffer for each of 1 results, but got 0}}
  %y = mica.group "rows" phase 0 {
    mica.yield %x : tensor<?x64xf32>
  } {buffers = []} : tensor<?x64xf32>
  return
}

// -----

func.func @group_c3(%x: tensor<?x64xf32>) {
  // expected-error@below {{'mica.group' op expects to yield values of types 'tensor<?x32xf32>', but got 'tensor<?x64xf32>'}}
  %y = mica.group "rows" phase 0 {
    mica.yield %x : tensor<?x64xf32>
  } : tensor<?x32xf32>
  return
}

// -----

func.func @group_c3() {
  // expected-error@below {{'mica.group' op expects its body to end with a mica.yield}}
  mica.group "rows" phase 0 {
    %c = arith.constant 0 : index
  }
  return
}

// -----

func.func @group_c4(%x: tensor<?x64xf32>, %w: !mica.weight<64x64, bf16>) {
  // expected-error@below {{'mica.group' op expects a granule that divides the 64 columns of 'mica.linear', but got 24}}
  %y = mica.group "linear" phase 0 granule 24 {
    %0 = mica.linear %x, %w : tensor<?x64xf32>, !mica.weight<64x64, bf16> -> tensor<?x64xf32>
    mica.yield %0 : tensor<?x64xf32>
  } : tensor<?x64xf32>
  return
}

// -----

func.func @group_c4(%x: tensor<?x64xf32>) {
  // expected-error@below {{'mica.group' op expects a contraction or attention of granule 16, but got none}}
  %y = mica.group "rows" phase 0 granule 16 {
    mica.yield %x : tensor<?x64xf32>
  } : tensor<?x64xf32>
  return
}

// -----

func.func @group_c5(%x: tensor<?x64xf32>) {
  // expected-error@below {{'mica.group' op expects a granule to be elastic, but got none}}
  %y = mica.group "rows" phase 0 elastic {
    mica.yield %x : tensor<?x64xf32>
  } : tensor<?x64xf32>
  return
}
