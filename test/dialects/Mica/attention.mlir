// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @grouped_heads
// CHECK-SAME:    %[[Q:.*]]: tensor<?x32xf32>, %[[KV:.*]]: !mica.kv<{{.*}}>, %[[BATCH:.*]]: !mica.batch
func.func @grouped_heads(
    %q: tensor<?x32xf32>, %kv1: !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, %batch: !mica.batch)
    -> tensor<?x32xf32> {
  // CHECK: mica.attention %[[Q]], %[[KV]], %[[BATCH]] {heads = 4 : i64, mask = #mica.mask<causal = true>, scale = 2.500000e-01 : f32} : tensor<?x32xf32>, <heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0> -> tensor<?x32xf32>
  %o = mica.attention %q, %kv1, %batch {heads = 4 : i64, scale = 0.25 : f32, mask = #mica.mask<causal = true, window = 0>} : tensor<?x32xf32>, !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0> -> tensor<?x32xf32>
  return %o : tensor<?x32xf32>
}

// Values narrower than keys, a ring of 32 tokens, capped scores.
// CHECK-LABEL: func @window_and_softcap
func.func @window_and_softcap(
    %q: tensor<?x32xbf16>,
    %kv: !mica.kv<heads = 4, key = 8, value = 4, element = bf16, page = 16, window = 32>,
    %batch: !mica.batch) -> tensor<?x16xf32> {
  // CHECK: mica.attention {{.*}} mask = #mica.mask<causal = true, window = 32>, {{.*}} softcap = 5.000000e+01 : f32
  %o = mica.attention %q, %kv, %batch {heads = 4 : i64, scale = 0.25 : f32, softcap = 50.0 : f32, mask = #mica.mask<causal = true, window = 32>} : tensor<?x32xbf16>, !mica.kv<heads = 4, key = 8, value = 4, element = bf16, page = 16, window = 32> -> tensor<?x16xf32>
  return %o : tensor<?x16xf32>
}

// The text's first tokens beside a window, a learned sink for each head.
// CHECK-LABEL: func @sinks
func.func @sinks(
    %q: tensor<?x32xf32>, %kv1: !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, %batch: !mica.batch,
    %sinks: !mica.weight<4, f32>) -> tensor<?x32xf32> {
  // CHECK: mica.attention {{.*}} sinks(%{{.*}} : !mica.weight<4, f32>) {{.*}}mask = #mica.mask<causal = true, window = 64, sink = 4>
  %s = mica.attention %q, %kv1, %batch sinks(%sinks : !mica.weight<4, f32>) {heads = 4 : i64, scale = 0.25 : f32, mask = #mica.mask<causal = true, window = 64, sink = 4>} : tensor<?x32xf32>, !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0> -> tensor<?x32xf32>
  return %s : tensor<?x32xf32>
}

// A ring keeps what a chunk of its size reaches.
// CHECK-LABEL: func @chunk_and_alibi
func.func @chunk_and_alibi(
    %q: tensor<?x16xf32>, %kv: !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 32>,
    %batch: !mica.batch) -> tensor<?x16xf32> {
  // CHECK: mica.attention {{.*}} {alibi = array<f32: 5.000000e-01, 2.500000e-01>, {{.*}}mask = #mica.mask<causal = true, chunk = 32>
  %o = mica.attention %q, %kv, %batch {heads = 2 : i64, scale = 0.25 : f32, alibi = array<f32: 0.5, 0.25>, mask = #mica.mask<causal = true, chunk = 32>} : tensor<?x16xf32>, !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 32> -> tensor<?x16xf32>
  return %o : tensor<?x16xf32>
}

// Texts packed into one sequence; some blocks of keys.
// CHECK-LABEL: func @segments_and_blocks
func.func @segments_and_blocks(%q: tensor<?x16xf32>, %kv: !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, %batch: !mica.batch,
    %segments: tensor<?x1xi32>, %blocks: tensor<?x4xi32>) -> tensor<?x16xf32> {
  // CHECK: mica.attention {{.*}} segments(%{{.*}} : tensor<?x1xi32>) blocks(%{{.*}} : tensor<?x4xi32>) {{.*}}block = 64 : i64
  %o = mica.attention %q, %kv, %batch segments(%segments : tensor<?x1xi32>) blocks(%blocks : tensor<?x4xi32>) {block = 64 : i64, heads = 2 : i64, scale = 0.25 : f32, mask = #mica.mask<causal = true>} : tensor<?x16xf32>, !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0> -> tensor<?x16xf32>
  return %o : tensor<?x16xf32>
}
