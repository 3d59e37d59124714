// RUN: mica-opt %s -split-input-file -verify-diagnostics

// expected-error@below {{expects a state of 1 to 3 dimensions, but got 4}}
func.func private @state_c1(!mica.state<2x2x2x2, f32>)

// -----

// expected-error@below {{expects positive dimensions in a state, but got 0}}
func.func private @state_c1(!mica.state<2x0, f32>)

// -----

// expected-error@below {{expects a state of f32, but got 'bf16'}}
func.func private @state_c2(!mica.state<2x8, bf16>)
