// RUN: mica-opt %s -split-input-file -verify-diagnostics

// expected-error@below {{expects positive sizes in a target, but got 0}}
func.func private @target_c1() attributes {mica.value = #mica.target<cpu = "x86-64-v4", features = "+avx512bf16", vector_bits = 512, panel = 0, max_granule = 256, dot = [bf16]>}

// -----

// expected-error@below {{expects dot to hold float types, but got i8}}
func.func private @target_c2() attributes {mica.value = #mica.target<cpu = "x86-64-v4", features = "+avx512bf16", vector_bits = 512, panel = 16, max_granule = 256, dot = [i8]>}

// -----

// expected-error@below {{expects tiles of a type in dot, but got 'bf16'}}
func.func private @target_c3() attributes {mica.value = #mica.target<cpu = "x86-64-v4", features = "+amx-bf16", vector_bits = 512, panel = 16, max_granule = 256, dot = [], tiles = bf16>}
