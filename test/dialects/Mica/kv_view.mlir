// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @kv_view
func.func @kv_view(%kv: !mica.kv<heads = 4, key = 8, value = 8, element = f32, page = 16, window = 0>) -> (!mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>) {
  // CHECK: mica.kv_view %{{.*}} {first = 2 : i64} : <heads = 4, {{.*}}> -> <heads = 2, {{.*}}>
  %view = mica.kv_view %kv {first = 2 : i64} : !mica.kv<heads = 4, key = 8, value = 8, element = f32, page = 16, window = 0> -> !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>
  return %view : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>
}
