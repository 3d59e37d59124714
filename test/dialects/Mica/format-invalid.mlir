// RUN: mica-opt %s -split-input-file -verify-diagnostics

// expected-error@below {{expects blocks of a positive size, but got 0 x 144}}
func.func private @format_c1() attributes {mica.value = #mica.format<"q4_k", 0 x 144>}
