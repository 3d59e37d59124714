// A model of two layers, by hand, through stages 0 to 3: what each stage leaves.
//
// RUN: mica-opt %s -mica-graph -mica-group | FileCheck %s --check-prefix=GROUP
// RUN: mica-opt %s -mica-graph -mica-group -mica-kernels | FileCheck %s --check-prefix=KERNELS

// One function for both layers; six phases, q, k and v in one.
// GROUP-LABEL: func private @layer
// GROUP: mica.group "rows" phase 0
// GROUP: mica.group "linear" phase 1
// GROUP: mica.group "linear" phase 1
// GROUP: mica.group "linear" phase 1
// GROUP: mica.group "attention" phase 2
// GROUP: mica.group "linear" phase 3
// GROUP: mica.group "linear" phase 4
// GROUP: mica.group "linear" phase 5
// GROUP: return
// GROUP: func.func @pack_0

// KERNELS-LABEL: func private @layer_kernels
// KERNELS: tile.phase "norm"
// KERNELS: tile.phase "qkv"
// KERNELS-COUNT-3: tile.contract
// KERNELS: tile.phase "attention"
// KERNELS: tile.phase "projection"
// KERNELS: tile.phase "gate_up"
// KERNELS: tile.phase "projection"
// KERNELS-LABEL: func @mica_entry
// KERNELS: tile.phase "embedding"
// KERNELS-COUNT-2: call @layer_kernels
// KERNELS: tile.phase "logits"
!rows = tensor<?x64xf32>
!kv = !mica.kv<heads = 2, key = 24, value = 24, element = bf16, page = 32, window = 0>
module attributes {
  mica.dtype = bf16,
  mica.target = #mica.target<cpu = "x86-64-v4", features = "+avx512bf16", vector_bits = 512, panel = 16, max_granule = 256, dot = [bf16]>
} {
  mica.weight @tok : !mica.weight<100x64, bf16> from [#mica.source<file = 0, tensor = "tok", first = 0, rows = 100, transposed = false, permuted = 0>]
  mica.weight @norm : !mica.weight<64, f32> from [#mica.source<file = 0, tensor = "norm", first = 0, rows = 64, transposed = false, permuted = 0>]
  mica.weight @q : !mica.weight<96x64, bf16> from [#mica.source<file = 0, tensor = "q", first = 0, rows = 96, transposed = false, permuted = 0>]
  mica.weight @k : !mica.weight<48x64, bf16> from [#mica.source<file = 0, tensor = "k", first = 0, rows = 48, transposed = false, permuted = 0>]
  mica.weight @o : !mica.weight<64x96, bf16> from [#mica.source<file = 0, tensor = "o", first = 0, rows = 64, transposed = false, permuted = 0>]
  mica.weight @g : !mica.weight<160x64, bf16> from [#mica.source<file = 0, tensor = "g", first = 0, rows = 160, transposed = false, permuted = 0>]
  mica.weight @d : !mica.weight<64x160, bf16> from [#mica.source<file = 0, tensor = "d", first = 0, rows = 64, transposed = false, permuted = 0>]
  func.func private @layer(%x: !rows, %kv: !kv, %batch: !mica.batch, %angles: tensor<?x12xcomplex<f32>>,
      %n1: !mica.weight<64, f32>, %wq: !mica.weight<96x64, bf16>, %wk: !mica.weight<48x64, bf16>, %wv: !mica.weight<48x64, bf16>,
      %wo: !mica.weight<64x96, bf16>, %n2: !mica.weight<64, f32>, %wg: !mica.weight<160x64, bf16>, %wu: !mica.weight<160x64, bf16>,
      %wd: !mica.weight<64x160, bf16>) -> (!rows, !kv) {
    %h = mica.rms_norm %x, %n1 {eps = 1.0e-5 : f32} : !rows, !mica.weight<64, f32>
    %q0 = mica.linear %h, %wq : !rows, !mica.weight<96x64, bf16> -> tensor<?x96xf32>
    %q = mica.rope %q0, %angles {head = 24 : i64} : tensor<?x96xf32>, tensor<?x12xcomplex<f32>>
    %k0 = mica.linear %h, %wk : !rows, !mica.weight<48x64, bf16> -> tensor<?x48xf32>
    %k = mica.rope %k0, %angles {head = 24 : i64} : tensor<?x48xf32>, tensor<?x12xcomplex<f32>>
    %v = mica.linear %h, %wv : !rows, !mica.weight<48x64, bf16> -> tensor<?x48xf32>
    %kv1 = mica.kv_append %kv, %k, %v, %batch : !kv, tensor<?x48xf32>, tensor<?x48xf32>
    %a = mica.attention %q, %kv1, %batch {heads = 4 : i64, scale = 0.2 : f32, mask = #mica.mask<causal = true, window = 0>} : tensor<?x96xf32>, !kv -> tensor<?x96xf32>
    %o = mica.linear %a, %wo : tensor<?x96xf32>, !mica.weight<64x96, bf16> -> !rows
    %x1 = arith.addf %x, %o : !rows
    %h2 = mica.rms_norm %x1, %n2 {eps = 1.0e-5 : f32} : !rows, !mica.weight<64, f32>
    %g = mica.linear %h2, %wg : !rows, !mica.weight<160x64, bf16> -> tensor<?x160xf32>
    %gn = arith.negf %g : tensor<?x160xf32>
    %e = math.exp %gn : tensor<?x160xf32>
    %c1 = arith.constant 1.0 : f32
    %c0 = arith.constant 0 : index
    %T = tensor.dim %e, %c0 : tensor<?x160xf32>
    %one = tensor.splat %c1[%T] : tensor<?x160xf32>
    %e1 = arith.addf %e, %one : tensor<?x160xf32>
    %s = arith.divf %g, %e1 : tensor<?x160xf32>
    %u = mica.linear %h2, %wu : !rows, !mica.weight<160x64, bf16> -> tensor<?x160xf32>
    %su = arith.mulf %s, %u : tensor<?x160xf32>
    %dn = mica.linear %su, %wd : tensor<?x160xf32>, !mica.weight<64x160, bf16> -> !rows
    %x2 = arith.addf %x1, %dn : !rows
    return %x2, %kv1 : !rows, !kv
  }
  func.func @step(%batch: !mica.batch, %kv: !kv) -> (tensor<?x100xf32>, !kv) {
    %t = mica.get_weight @tok : !mica.weight<100x64, bf16>
    %n = mica.get_weight @norm : !mica.weight<64, f32>
    %ids = mica.tokens %batch : tensor<?xi32>
    %x = mica.embedding %ids, %t : tensor<?xi32>, !mica.weight<100x64, bf16> -> !rows
    %p = mica.positions %batch : tensor<?xi32>
    %ang = mica.rope_angles %p {frequencies = array<f32: 1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.01>} : tensor<?xi32> -> tensor<?x12xcomplex<f32>>
    %y, %kv1 = mica.stack %x, (%kv), (%batch, %ang) [
      #mica.layer<@layer, kv = [0], shared = [0, 1], weights = [@norm, @q, @k, @k, @o, @norm, @g, @g, @d]>,
      #mica.layer<@layer, kv = [0], shared = [0, 1], weights = [@norm, @q, @k, @k, @o, @norm, @g, @g, @d]>]
      : !rows, (!kv), (!mica.batch, tensor<?x12xcomplex<f32>>) -> !rows, !kv
    %r = mica.output_rows %y, %batch : !rows -> !rows
    %rn = mica.rms_norm %r, %n {eps = 1.0e-5 : f32} : !rows, !mica.weight<64, f32>
    %l = mica.linear %rn, %t : !rows, !mica.weight<100x64, bf16> -> tensor<?x100xf32>
    return %l, %kv1 : tensor<?x100xf32>, !kv
  }
}
