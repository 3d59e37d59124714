// RUN: mica-opt %s -split-input-file -verify-diagnostics

// expected-error@below {{expects a window of 0 or more, but got -1}}
func.func private @mask_c1() attributes {mica.value = #mica.mask<causal = true, window = -1>}
