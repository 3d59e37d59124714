// RUN: mica-opt %s | mica-opt | FileCheck %s

!kv = !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>

func.func private @layer(tensor<?x64xf32>, !kv, !mica.batch, !mica.weight<64, f32>) -> (tensor<?x64xf32>, !kv)
mica.weight @w0 : !mica.weight<64, f32>
mica.weight @w1 : !mica.weight<64, f32>
func.func private @stateless(tensor<?x64xf32>, !mica.weight<64, f32>) -> tensor<?x64xf32>

// CHECK-LABEL: func @two_layers
// CHECK-SAME:    %[[X:.*]]: tensor<?x64xf32>, %[[KV:.*]]: !mica.kv<{{.*}}>, %[[BATCH:.*]]: !mica.batch
func.func @two_layers(%x: tensor<?x64xf32>, %kv: !kv, %batch: !mica.batch)
    -> (tensor<?x64xf32>, !kv) {
  // CHECK:      mica.stack %[[X]], (%[[KV]]), (%[[BATCH]])
  // CHECK-SAME:   [#mica.layer<@layer, kv = [0], shared = [0], weights = [@w0]>, #mica.layer<@layer, kv = [0], shared = [0], weights = [@w1]>]
  %y, %kv1 = mica.stack %x, (%kv), (%batch)
      [#mica.layer<@layer, kv = [0], shared = [0], weights = [@w0]>,
       #mica.layer<@layer, kv = [0], shared = [0], weights = [@w1]>] : tensor<?x64xf32>, (!mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>), (!mica.batch) -> tensor<?x64xf32>, !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>
  return %y, %kv1 : tensor<?x64xf32>, !kv
}

// A layer without a cache neither takes nor returns one.
// CHECK-LABEL: func @no_cache
func.func @no_cache(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  // CHECK: mica.stack %{{.*}}, (), () [#mica.layer<@stateless, kv = [], shared = [], weights = [@w0]>] : tensor<?x64xf32>, (), () -> tensor<?x64xf32>
  %y = mica.stack %x, (), () [#mica.layer<@stateless, kv = [], shared = [], weights = [@w0]>] : tensor<?x64xf32>, (), () -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

!state = !mica.state<4x8x8, f32>
func.func private @both(tensor<?x64xf32>, !kv, !state, !mica.batch) -> (tensor<?x64xf32>, !kv, !state)

// A layer may keep a cache and a state.
// CHECK-LABEL: func @cache_and_state
func.func @cache_and_state(%x: tensor<?x64xf32>, %state: !state, %kv: !kv, %batch: !mica.batch)
    -> (tensor<?x64xf32>, !state, !kv) {
  // CHECK: mica.stack %{{.*}}, (%{{.*}}, %{{.*}}), (%{{.*}}) [#mica.layer<@both, kv = [1, 0], shared = [0], weights = []>]
  %y, %state1, %kv1 = mica.stack %x, (%state, %kv), (%batch) [#mica.layer<@both, kv = [1, 0], shared = [0], weights = []>] : tensor<?x64xf32>, (!state, !kv), (!mica.batch) -> tensor<?x64xf32>, !state, !kv
  return %y, %state1, %kv1 : tensor<?x64xf32>, !state, !kv
}
