// RUN: mica-opt %s -mica-absorb-latent | FileCheck %s

!kv = !mica.kv<heads = 1, key = 20, value = 16, element = bf16, page = 16, window = 0>

// CHECK-LABEL: func @absorb
// CHECK-SAME:    %[[Q:.*]]: tensor<?x48xf32>, %[[KV:.*]]: !mica.kv<{{.*}}>, %[[UK:.*]]: !mica.weight<4x16x8, bf16>, %[[UV:.*]]: !mica.weight<4x6x16, bf16>, %[[BATCH:.*]]: !mica.batch
func.func @absorb(%q: tensor<?x48xf32>, %kv: !kv, %uk: !mica.weight<4x16x8, bf16>, %uv: !mica.weight<4x6x16, bf16>, %batch: !mica.batch) -> tensor<?x24xf32> {
  // CHECK: %[[L:.*]] = mica.head_linear %[[Q]], %[[UK]] : tensor<?x48xf32>, <4x16x8, bf16> -> tensor<?x80xf32>
  // CHECK: %[[S:.*]] = mica.attention %[[L]], %[[KV]], %[[BATCH]] {heads = 4 : i64, mask = #mica.mask<causal = true>, scale = 2.500000e-01 : f32} : tensor<?x80xf32>, <heads = 1, {{.*}}> -> tensor<?x64xf32>
  // CHECK: %[[O:.*]] = mica.head_linear %[[S]], %[[UV]] : tensor<?x64xf32>, <4x6x16, bf16> -> tensor<?x24xf32>
  // CHECK: return %[[O]]
  %o = mica.latent_attention %q, %kv, %uk, %uv, %batch {scale = 0.25 : f32, mask = #mica.mask<causal = true>} : tensor<?x48xf32>, !kv, !mica.weight<4x16x8, bf16>, !mica.weight<4x6x16, bf16> -> tensor<?x24xf32>
  return %o : tensor<?x24xf32>
}
