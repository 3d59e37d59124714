// RUN: mica-opt %s -split-input-file -verify-diagnostics

// expected-error@below {{expects positive sizes in a layout, but got 0}}
func.func private @layout_c1() attributes {mica.value = #mica.layout<panel = 0, group = 2, granule = 128, align = 16>}

// -----

// expected-error@below {{expects align to be a multiple of group 4, but got 6}}
func.func private @layout_c2() attributes {mica.value = #mica.layout<panel = 16, group = 4, granule = 128, align = 6>}
