// RUN: mica-opt %s -mica-form-groups -split-input-file -verify-diagnostics | FileCheck %s

module attributes {mica.target = #mica.target<cpu = "x86-64-v4", features = "", vector_bits = 512, panel = 16, max_granule = 256, dot = []>} {
// An op without a kernel is a group of its own, and all of its results leave it;
// what follows is a group of the next phase.
// CHECK-LABEL: func @loops
func.func @loops(%x: tensor<?x64xf32>, %y: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: %[[TOP:.*]]:2 = mica.group "reference" phase 0 {
  // CHECK:   mica.topk
  // CHECK:   mica.yield %{{.*}}, %{{.*}} : tensor<?x8xf32>, tensor<?x8xi32>
  // CHECK: mica.group "rows" phase 1 {
  // CHECK:   arith.addf %[[TOP]]#0
  %v, %i = mica.topk %x : tensor<?x64xf32> -> tensor<?x8xf32>, tensor<?x8xi32>
  %s = arith.addf %v, %y : tensor<?x8xf32>
  return %s : tensor<?x8xf32>
}
}

// -----

!kv = !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>

module attributes {mica.target = #mica.target<cpu = "x86-64-v4", features = "", vector_bits = 512, panel = 16, max_granule = 256, dot = []>} {
func.func @refused(%kv: !kv, %shift: tensor<?xi32>, %batch: !mica.batch) -> !kv {
  // expected-error@below {{'mica.rope_shift' op has no code for CPUs yet: it runs in the reference alone}}
  %kv1 = mica.rope_shift %kv, %shift, %batch {frequencies = array<f32: 1.0, 0.1>} : !kv, tensor<?xi32>
  return %kv1 : !kv
}
}

// -----

!kv = !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>

module attributes {mica.target = #mica.target<cpu = "x86-64-v4", features = "", vector_bits = 512, panel = 16, max_granule = 256, dot = []>} {
func.func @refused(%q: tensor<?x16xf32>, %kv: !kv, %segments: tensor<?x1xi32>, %batch: !mica.batch) -> tensor<?x16xf32> {
  // expected-error@below {{'mica.attention' op has no code for CPUs yet with segments: it runs in the reference alone}}
  %o = mica.attention %q, %kv, %batch segments(%segments : tensor<?x1xi32>) {heads = 2 : i64, scale = 0.25 : f32, mask = #mica.mask<causal = true>} : tensor<?x16xf32>, !kv -> tensor<?x16xf32>
  return %o : tensor<?x16xf32>
}
}

// -----

!kv = !mica.kv<heads = 1, key = 20, value = 16, element = f32, page = 16, window = 0>

module attributes {mica.target = #mica.target<cpu = "x86-64-v4", features = "", vector_bits = 512, panel = 16, max_granule = 256, dot = []>} {
func.func @refused(%q: tensor<?x48xf32>, %kv: !kv, %uk: !mica.weight<4x16x8, f32>, %uv: !mica.weight<4x6x16, f32>, %batch: !mica.batch) -> tensor<?x24xf32> {
  // expected-error@below {{'mica.latent_attention' op has no code for CPUs yet: it runs in the reference alone}}
  %o = mica.latent_attention %q, %kv, %uk, %uv, %batch {scale = 0.25 : f32, mask = #mica.mask<causal = true>} : tensor<?x48xf32>, !kv, !mica.weight<4x16x8, f32>, !mica.weight<4x6x16, f32> -> tensor<?x24xf32>
  return %o : tensor<?x24xf32>
}
}
