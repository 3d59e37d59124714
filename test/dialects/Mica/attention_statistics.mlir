// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @attention_statistics
func.func @attention_statistics(%q: tensor<?x32xf32>, %kv1: !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, %batch: !mica.batch) -> (tensor<?x4xf32>, tensor<?x?xf32>) {
  // CHECK: mica.attention_statistics %{{.*}}, %{{.*}}, %{{.*}} {{.*}} : tensor<?x32xf32>, <{{.*}}> -> tensor<?x4xf32>, tensor<?x?xf32>
  %lse, %scores = mica.attention_statistics %q, %kv1, %batch {heads = 4 : i64, scale = 0.25 : f32, mask = #mica.mask<causal = true>} : tensor<?x32xf32>, !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0> -> tensor<?x4xf32>, tensor<?x?xf32>
  return %lse, %scores : tensor<?x4xf32>, tensor<?x?xf32>
}
