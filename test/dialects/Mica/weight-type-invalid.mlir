// RUN: mica-opt %s -split-input-file -verify-diagnostics

// expected-error@below {{expects a weight of 1 to 3 dimensions, but got 4}}
func.func private @weight_type_c1(!mica.weight<2x3x4x5, f32>)

// -----

// expected-error@below {{expects positive dimensions in a weight, but got 0}}
func.func private @weight_type_c2(!mica.weight<0x4, f32>)

// -----

// expected-error@below {{expects rows that are a multiple of the block of 256 elements, but got 640}}
func.func private @weight_type_c3(!mica.weight<4x640, #mica.format<"q4_k", 256 x 144>>)

// -----

// expected-error@below {{expects a packed weight of a float type or a format with blocks, but got #mica.format<"q4_k", 256 x 144>}}
func.func private @weight_type_c4(!mica.weight<4x512, #mica.format<"q4_k", 256 x 144>, #mica.layout<panel = 16, group = 2, granule = 16, align = 16>>)

// -----

// expected-error@below {{expects a float type, in a vector i32, or a #mica.format, but got i8}}
func.func private @weight_type_c5(!mica.weight<4x4, i8>)

// -----

// expected-error@below {{expects a float type, in a vector i32, or a #mica.format, but got i32}}
func.func private @weight_type_c5_matrix(!mica.weight<4x4, i32>)

// -----

// expected-error@below {{expects a matrix in groups of 4, aligned to 64 columns, but got #mica.layout<panel = 16, group = 4, granule = 16, align = 32>}}
func.func private @weight_type_c4_align(!mica.weight<4x512, #mica.format<"q4_0", 32 x 18, <bits = 4, zero = 8, group = 32, scale = f16>>, #mica.layout<panel = 16, group = 4, granule = 16, align = 32>>)
