// RUN: mica-opt %s -split-input-file -verify-diagnostics

// expected-error@below {{expects an arena from 0 to 3, but got 4}}
func.func private @buffer_c1() attributes {mica.value = #mica.buffer<arena = 4, offset = 0, stride = 656>}

// -----

// expected-error@below {{expects an offset of 0 or more and a positive stride, but got 0 and 0}}
func.func private @buffer_c2() attributes {mica.value = #mica.buffer<arena = 0, offset = 0, stride = 0>}
