// RUN: mica-opt %s -split-input-file -verify-diagnostics

// expected-error@below {{expects a window of 0 or more, but got -1}}
func.func private @mask_c1() attributes {mica.value = #mica.mask<causal = true, window = -1>}

// -----

// expected-error@below {{expects sinks of 0 or more beside a window, but got 4 and a window of 0}}
func.func private @mask_c2() attributes {mica.value = #mica.mask<causal = true, sink = 4>}

// -----

// expected-error@below {{expects a chunk of 0 or more without a window, but got 8 and a window of 16}}
func.func private @mask_c3() attributes {mica.value = #mica.mask<causal = true, window = 16, chunk = 8>}
