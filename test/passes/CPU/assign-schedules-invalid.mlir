// RUN: mica-opt %s -mica-assign-schedules -split-input-file -verify-diagnostics

// expected-error@below {{expects the attribute 'mica.target' on the module}}
module {
}

// -----

// expected-error@below {{expects a cpu with a schedule table (x86-64-v3, x86-64-v4, armv8.2-a), but got 'z80'}}
module attributes {mica.target = #mica.target<cpu = "z80", features = "", vector_bits = 256, panel = 16, max_granule = 256, dot = []>} {
}
