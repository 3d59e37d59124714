// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @rope_shift
func.func @rope_shift(%kv: !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, %shift: tensor<?xi32>, %batch: !mica.batch) -> (!mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>) {
  // CHECK: mica.rope_shift %{{.*}}, %{{.*}}, %{{.*}} {frequencies = array<f32: 1.000000e+00, 1.000000e-01>} : <{{.*}}>, tensor<?xi32>
  %kv1 = mica.rope_shift %kv, %shift, %batch {frequencies = array<f32: 1.0, 0.1>} : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, tensor<?xi32>
  return %kv1 : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>
}
