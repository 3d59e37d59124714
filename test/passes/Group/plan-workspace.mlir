// Values that live at one time have places of their own; a layer updates its
// rows in place.
//
// RUN: mica-opt %s -split-input-file -verify-diagnostics -mica-form-groups -mica-plan-workspace | FileCheck %s

!rows = tensor<?x64xf32>
#t = #mica.target<cpu = "x86-64-v3", features = "", vector_bits = 256, panel = 16, max_granule = 32, dot = []>
module attributes {mica.dtype = f32, mica.target = #t} {
  mica.weight @w : !mica.weight<64x64, f32>
  mica.weight @t : !mica.weight<100x64, f32>

  // CHECK: func private @layer(%{{.*}}: tensor<?x64xf32> {mica.buffer = #[[X:mica.buffer<arena = row, offset = 128, stride = 64>]]}
  func.func private @layer(%x: !rows, %w: !mica.weight<64x64, f32>, %n: !mica.weight<64, f32>) -> !rows {
    // CHECK: mica.rms_norm
    // CHECK: buffers = [#mica.buffer<arena = row, offset = 384, stride = 64>]
    %h = mica.rms_norm %x, %n {eps = 1.0e-5 : f32} : !rows, !mica.weight<64, f32>
    // CHECK: mica.linear
    // CHECK: buffers = [#mica.buffer<arena = row, offset = 640, stride = 64>]
    %a = mica.linear %h, %w : !rows, !mica.weight<64x64, f32> -> !rows
    // The norm is dead by now: its place serves again.
    // CHECK: mica.rms_norm
    // CHECK: buffers = [#mica.buffer<arena = row, offset = 384, stride = 64>]
    %b = mica.rms_norm %a, %n {eps = 1.0e-5 : f32} : !rows, !mica.weight<64, f32>
    // CHECK: mica.linear
    // CHECK-NEXT: arith.addf
    // CHECK: buffers = [#[[X]]]
    %c = mica.linear %b, %w : !rows, !mica.weight<64x64, f32> -> !rows
    %y = arith.addf %x, %c : !rows
    return %y : !rows
  }

  func.func @step(%batch: !mica.batch) -> tensor<?x64xf32> {
    %ids = mica.tokens %batch : tensor<?xi32>
    %t = mica.get_weight @t : !mica.weight<100x64, f32>
    %x = mica.embedding %ids, %t : tensor<?xi32>, !mica.weight<100x64, f32> -> !rows
    %y = mica.stack %x, (), () [#mica.layer<@layer, kv = [], shared = [], weights = [@w, @n]>] : !rows, (), () -> !rows
    // CHECK: mica.output_rows
    // CHECK: buffers = [#mica.buffer<arena = logits, offset = 0, stride = 64>]
    %r = mica.output_rows %y, %batch : !rows -> !rows
    return %r : !rows
  }
  mica.weight @n : !mica.weight<64, f32>
}

// -----

// What reads a row elsewhere than it writes cannot be what a layer returns.

!rows = tensor<?x64xf32>
#t = #mica.target<cpu = "x86-64-v3", features = "", vector_bits = 256, panel = 16, max_granule = 32, dot = []>
module attributes {mica.dtype = f32, mica.target = #t} {
  mica.weight @t : !mica.weight<100x64, f32>
  mica.weight @o : !mica.weight<64, i32>

  func.func private @layer(%x: !rows, %order: !mica.weight<64, i32>) -> !rows {
    // expected-error@below {{'mica.group' op writes the rows of the layer while they are still read}}
    %y = mica.permute_columns %x, %order : !rows, !mica.weight<64, i32>
    return %y : !rows
  }

  func.func @step(%batch: !mica.batch) -> tensor<?x64xf32> {
    %ids = mica.tokens %batch : tensor<?xi32>
    %t = mica.get_weight @t : !mica.weight<100x64, f32>
    %x = mica.embedding %ids, %t : tensor<?xi32>, !mica.weight<100x64, f32> -> !rows
    %y = mica.stack %x, (), () [#mica.layer<@layer, kv = [], shared = [], weights = [@o]>] : !rows, (), () -> !rows
    %r = mica.output_rows %y, %batch : !rows -> !rows
    return %r : !rows
  }
}
