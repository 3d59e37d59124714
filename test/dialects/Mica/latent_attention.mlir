// RUN: mica-opt %s | mica-opt | FileCheck %s

!kv = !mica.kv<heads = 1, key = 20, value = 16, element = f32, page = 16, window = 0>

// Heads of 8 columns of their own and 4 that they share; values of 6.
// CHECK-LABEL: func @latent_attention
func.func @latent_attention(%q: tensor<?x48xf32>, %kv1: !kv, %uk: !mica.weight<4x16x8, bf16>, %uv: !mica.weight<4x6x16, bf16>, %batch: !mica.batch) -> tensor<?x24xf32> {
  // CHECK: mica.latent_attention %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} {mask = #mica.mask<causal = true>, scale = 2.500000e-01 : f32} : tensor<?x48xf32>, <heads = 1, key = 20, value = 16, {{.*}}>, <4x16x8, bf16>, <4x6x16, bf16> -> tensor<?x24xf32>
  %o = mica.latent_attention %q, %kv1, %uk, %uv, %batch {scale = 0.25 : f32, mask = #mica.mask<causal = true>} : tensor<?x48xf32>, !mica.kv<heads = 1, key = 20, value = 16, element = f32, page = 16, window = 0>, !mica.weight<4x16x8, bf16>, !mica.weight<4x6x16, bf16> -> tensor<?x24xf32>
  return %o : tensor<?x24xf32>
}
