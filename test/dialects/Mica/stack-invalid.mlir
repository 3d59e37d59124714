// RUN: mica-opt %s -split-input-file -verify-diagnostics

!kv = !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>

func.func private @layer(tensor<?x64xf32>, !kv, !mica.batch, !mica.weight<64, f32>) -> (tensor<?x64xf32>, !kv)
mica.weight @w0 : !mica.weight<64, f32>

func.func @stack_c1(%x: tensor<?x64xf32>, %kv: !kv, %batch: !mica.batch) {
  // expected-error@below {{'mica.stack' op expects @missing to be a function}}
  %y, %kv1 = mica.stack %x, (%kv), (%batch) [#mica.layer<@missing, kv = [0], shared = [0], weights = [@w0]>] : tensor<?x64xf32>, (!kv), (!mica.batch) -> tensor<?x64xf32>, !kv
  return
}

// -----

!kv = !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>

func.func private @layer(tensor<?x64xf32>, !kv, !mica.batch, !mica.weight<64, f32>) -> (tensor<?x64xf32>, !kv)
mica.weight @w0 : !mica.weight<64, f32>

func.func @stack_c1(%x: tensor<?x64xf32>, %kv: !kv, %batch: !mica.batch) {
  // expected-error@below {{'mica.stack' op expects @layer to be of type '(tensor<?x64xf32>, !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, !mica.weight<64, f32>) -> (tensor<?x64xf32>, !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>)', but got '(tensor<?x64xf32>, !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, !mica.batch, !mica.weight<64, f32>) -> (tensor<?x64xf32>, !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>)'}}
  %y, %kv1 = mica.stack %x, (%kv), (%batch) [#mica.layer<@layer, kv = [0], shared = [], weights = [@w0]>] : tensor<?x64xf32>, (!kv), (!mica.batch) -> tensor<?x64xf32>, !kv
  return
}

// -----

!kv = !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>

func.func private @layer(tensor<?x64xf32>, !kv, !mica.batch, !mica.weight<64, f32>) -> (tensor<?x64xf32>, !kv)
mica.weight @w0 : !mica.weight<64, f32>

func.func @stack_c2(%x: tensor<?x64xf32>, %kv: !kv, %batch: !mica.batch) {
  // expected-error@below {{'mica.stack' op expects @layer to be a mica.weight}}
  %y, %kv1 = mica.stack %x, (%kv), (%batch) [#mica.layer<@layer, kv = [0], shared = [0], weights = [@layer]>] : tensor<?x64xf32>, (!kv), (!mica.batch) -> tensor<?x64xf32>, !kv
  return
}

// -----

!kv = !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>

func.func private @layer(tensor<?x64xf32>, !kv, !mica.batch, !mica.weight<64, f32>) -> (tensor<?x64xf32>, !kv)
mica.weight @w0 : !mica.weight<64, f32>

func.func @stack_c3(%x: tensor<?x64xf32>, %kv: !kv, %batch: !mica.batch) {
  // expected-error@below {{'mica.stack' op expects a layer to use one of 1 caches, but got 1}}
  %y, %kv1 = mica.stack %x, (%kv), (%batch) [#mica.layer<@layer, kv = [1], shared = [0], weights = [@w0]>] : tensor<?x64xf32>, (!kv), (!mica.batch) -> tensor<?x64xf32>, !kv
  return
}

// -----

!kv = !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>

func.func private @layer(tensor<?x64xf32>, !kv, !kv, !mica.weight<64, f32>) -> (tensor<?x64xf32>, !kv, !kv)
mica.weight @w0 : !mica.weight<64, f32>

func.func @stack_c3(%x: tensor<?x64xf32>, %kv: !kv) {
  // expected-error@below {{'mica.stack' op expects a layer to use a cache once, but got 0 more often}}
  %y, %kv1 = mica.stack %x, (%kv), () [#mica.layer<@layer, kv = [0, 0], shared = [], weights = [@w0]>] : tensor<?x64xf32>, (!kv), () -> tensor<?x64xf32>, !kv
  return
}

// -----

!kv = !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>

func.func private @layer(tensor<?x64xf32>, !kv, !mica.batch, !mica.weight<64, f32>) -> (tensor<?x64xf32>, !kv)
mica.weight @w0 : !mica.weight<64, f32>

func.func @stack_c3(%x: tensor<?x64xf32>, %kv: !kv, %batch: !mica.batch) {
  // expected-error@below {{'mica.stack' op expects a layer to use one of 1 shared operands, but got 2}}
  %y, %kv1 = mica.stack %x, (%kv), (%batch) [#mica.layer<@layer, kv = [0], shared = [2], weights = [@w0]>] : tensor<?x64xf32>, (!kv), (!mica.batch) -> tensor<?x64xf32>, !kv
  return
}

// -----

!kv = !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>

func.func private @layer(tensor<?x64xf32>, !kv, !mica.batch, !mica.weight<64, f32>) -> (tensor<?x64xf32>, !kv)
mica.weight @w0 : !mica.weight<64, f32>

func.func @stack_c4(%x: tensor<?x64xf32>, %kv: !kv, %batch: !mica.batch) {
  // expected-error@below {{'mica.stack' op expects results of the types of its caches, but got }}
  %y = mica.stack %x, (%kv), (%batch) [#mica.layer<@layer, kv = [0], shared = [0], weights = [@w0]>] : tensor<?x64xf32>, (!kv), (!mica.batch) -> tensor<?x64xf32>
  return
}

// -----

!kv = !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>

func.func private @layer(tensor<?x64xf32>, !kv, !mica.batch, !mica.weight<64, f32>) -> (tensor<?x64xf32>, !kv)
mica.weight @w0 : !mica.weight<64, f32>

func.func @stack_c5(%x: tensor<?x64xf32>, %kv: !kv, %batch: !mica.batch) -> !kv {
  // expected-error@below {{'mica.stack' op expects every reader of its cache to precede it, but a 'func.return' does not}}
  %y, %kv1 = mica.stack %x, (%kv), (%batch) [#mica.layer<@layer, kv = [0], shared = [0], weights = [@w0]>] : tensor<?x64xf32>, (!kv), (!mica.batch) -> tensor<?x64xf32>, !kv
  return %kv : !kv
}
