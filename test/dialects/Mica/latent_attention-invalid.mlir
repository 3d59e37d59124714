// RUN: mica-opt %s -split-input-file -verify-diagnostics

!kv = !mica.kv<heads = 1, key = 20, value = 16, element = f32, page = 16, window = 0>

func.func @latent_attention_c1(%q: tensor<?x48xf32>, %kv: !kv, %uk: !mica.weight<64x8, f32>, %uv: !mica.weight<4x6x16, f32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.latent_attention' op expects keys of [heads, rank, nope] and values of [heads, value, rank] with the same heads and rank, but got '!mica.weight<64x8, f32>' and '!mica.weight<4x6x16, f32>'}}
  %o = mica.latent_attention %q, %kv, %uk, %uv, %batch {scale = 0.25 : f32, mask = #mica.mask<causal = true>} : tensor<?x48xf32>, !kv, !mica.weight<64x8, f32>, !mica.weight<4x6x16, f32> -> tensor<?x24xf32>
  return
}

// -----

!kv = !mica.kv<heads = 1, key = 20, value = 16, element = f32, page = 16, window = 0>

func.func @latent_attention_c1_heads(%q: tensor<?x48xf32>, %kv: !kv, %uk: !mica.weight<4x16x8, f32>, %uv: !mica.weight<2x6x16, f32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.latent_attention' op expects keys of [heads, rank, nope] and values of [heads, value, rank] with the same heads and rank, but got '!mica.weight<4x16x8, f32>' and '!mica.weight<2x6x16, f32>'}}
  %o = mica.latent_attention %q, %kv, %uk, %uv, %batch {scale = 0.25 : f32, mask = #mica.mask<causal = true>} : tensor<?x48xf32>, !kv, !mica.weight<4x16x8, f32>, !mica.weight<2x6x16, f32> -> tensor<?x24xf32>
  return
}

// -----

!kv = !mica.kv<heads = 1, key = 20, value = 16, element = f32, page = 16, window = 0>

func.func @latent_attention_c1_rank(%q: tensor<?x48xf32>, %kv: !kv, %uk: !mica.weight<4x16x8, f32>, %uv: !mica.weight<4x6x8, f32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.latent_attention' op expects keys of [heads, rank, nope] and values of [heads, value, rank] with the same heads and rank, but got '!mica.weight<4x16x8, f32>' and '!mica.weight<4x6x8, f32>'}}
  %o = mica.latent_attention %q, %kv, %uk, %uv, %batch {scale = 0.25 : f32, mask = #mica.mask<causal = true>} : tensor<?x48xf32>, !kv, !mica.weight<4x16x8, f32>, !mica.weight<4x6x8, f32> -> tensor<?x24xf32>
  return
}

// -----

!kv = !mica.kv<heads = 2, key = 20, value = 16, element = f32, page = 16, window = 0>

func.func @latent_attention_c2(%q: tensor<?x48xf32>, %kv: !kv, %uk: !mica.weight<4x16x8, f32>, %uv: !mica.weight<4x6x16, f32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.latent_attention' op expects a cache of one head with values 16 wide and keys as wide or wider, but got '!mica.kv<heads = 2, key = 20, value = 16, element = f32, page = 16, window = 0>'}}
  %o = mica.latent_attention %q, %kv, %uk, %uv, %batch {scale = 0.25 : f32, mask = #mica.mask<causal = true>} : tensor<?x48xf32>, !kv, !mica.weight<4x16x8, f32>, !mica.weight<4x6x16, f32> -> tensor<?x24xf32>
  return
}

// -----

!kv = !mica.kv<heads = 1, key = 20, value = 8, element = f32, page = 16, window = 0>

func.func @latent_attention_c2_values(%q: tensor<?x48xf32>, %kv: !kv, %uk: !mica.weight<4x16x8, f32>, %uv: !mica.weight<4x6x16, f32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.latent_attention' op expects a cache of one head with values 16 wide and keys as wide or wider, but got '!mica.kv<heads = 1, key = 20, value = 8, element = f32, page = 16, window = 0>'}}
  %o = mica.latent_attention %q, %kv, %uk, %uv, %batch {scale = 0.25 : f32, mask = #mica.mask<causal = true>} : tensor<?x48xf32>, !kv, !mica.weight<4x16x8, f32>, !mica.weight<4x6x16, f32> -> tensor<?x24xf32>
  return
}

// -----

!kv = !mica.kv<heads = 1, key = 12, value = 16, element = f32, page = 16, window = 0>

func.func @latent_attention_c2_keys(%q: tensor<?x48xf32>, %kv: !kv, %uk: !mica.weight<4x16x8, f32>, %uv: !mica.weight<4x6x16, f32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.latent_attention' op expects a cache of one head with values 16 wide and keys as wide or wider, but got '!mica.kv<heads = 1, key = 12, value = 16, element = f32, page = 16, window = 0>'}}
  %o = mica.latent_attention %q, %kv, %uk, %uv, %batch {scale = 0.25 : f32, mask = #mica.mask<causal = true>} : tensor<?x48xf32>, !kv, !mica.weight<4x16x8, f32>, !mica.weight<4x6x16, f32> -> tensor<?x24xf32>
  return
}

// -----

!kv = !mica.kv<heads = 1, key = 20, value = 16, element = f32, page = 16, window = 0>

func.func @latent_attention_c3(%q: tensor<?x32xf32>, %kv: !kv, %uk: !mica.weight<4x16x8, f32>, %uv: !mica.weight<4x6x16, f32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.latent_attention' op expects input to have 48 columns, but got 32}}
  %o = mica.latent_attention %q, %kv, %uk, %uv, %batch {scale = 0.25 : f32, mask = #mica.mask<causal = true>} : tensor<?x32xf32>, !kv, !mica.weight<4x16x8, f32>, !mica.weight<4x6x16, f32> -> tensor<?x24xf32>
  return
}

// -----

!kv = !mica.kv<heads = 1, key = 20, value = 16, element = f32, page = 16, window = 0>

func.func @latent_attention_c4(%q: tensor<?x48xf32>, %kv: !kv, %uk: !mica.weight<4x16x8, f32>, %uv: !mica.weight<4x6x16, f32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.latent_attention' op expects result to have 24 columns, but got 64}}
  %o = mica.latent_attention %q, %kv, %uk, %uv, %batch {scale = 0.25 : f32, mask = #mica.mask<causal = true>} : tensor<?x48xf32>, !kv, !mica.weight<4x16x8, f32>, !mica.weight<4x6x16, f32> -> tensor<?x64xf32>
  return
}

// -----

!kv = !mica.kv<heads = 1, key = 20, value = 16, element = f32, page = 16, window = 32>

func.func @latent_attention_c5(%q: tensor<?x48xf32>, %kv: !kv, %uk: !mica.weight<4x16x8, f32>, %uv: !mica.weight<4x6x16, f32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.latent_attention' op expects a window of at most the cache's 32, but got 64}}
  %o = mica.latent_attention %q, %kv, %uk, %uv, %batch {scale = 0.25 : f32, mask = #mica.mask<causal = true, window = 64>} : tensor<?x48xf32>, !kv, !mica.weight<4x16x8, f32>, !mica.weight<4x6x16, f32> -> tensor<?x24xf32>
  return
}
