// RUN: mica-opt %s -split-input-file -verify-diagnostics

// expected-error@below {{expects a value between groups in the arena of row, out or logits, but got worker}}
func.func private @buffer_c1() attributes {mica.value = #mica.buffer<arena = worker, offset = 0, stride = 656>}

// -----

// expected-error@below {{expects an offset of 0 or more and a positive stride, but got 0 and 0}}
func.func private @buffer_c2() attributes {mica.value = #mica.buffer<arena = row, offset = 0, stride = 0>}
