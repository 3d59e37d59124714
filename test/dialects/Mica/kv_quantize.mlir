// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @kv_quantize
func.func @kv_quantize(%kv: !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, %batch: !mica.batch) -> (!mica.kv<heads = 2, key = 8, value = 8, element = i8, page = 16, window = 0>) {
  // CHECK: mica.kv_quantize %{{.*}}, %{{.*}} : <{{.*}}element = f32{{.*}}> -> <{{.*}}element = i8{{.*}}>
  %kv1 = mica.kv_quantize %kv, %batch : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0> -> !mica.kv<heads = 2, key = 8, value = 8, element = i8, page = 16, window = 0>
  return %kv1 : !mica.kv<heads = 2, key = 8, value = 8, element = i8, page = 16, window = 0>
}
