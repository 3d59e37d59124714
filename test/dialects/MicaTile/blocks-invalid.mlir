// RUN: mica-opt %s -split-input-file -verify-diagnostics

// expected-error@+2 {{expects 1 to 8 bits in groups of a multiple of 4, but got 9 in groups of 32}}
func.func @blocks_c1() attributes {tile.example =
    #tile.blocks<bits = 9, zero = 0, group = 32, scale = f16>} {
  return
}

// -----

// expected-error@+2 {{expects super to be a multiple of group 24 and of 32, but got 48}}
func.func @blocks_c2() attributes {tile.example =
    #tile.blocks<bits = 4, zero = 0, group = 24, scale = f16 super = 48>} {
  return
}

// -----

// expected-error@+2 {{expects a scale of f16, bf16 or f32, but got 'i8'}}
func.func @blocks_c3() attributes {tile.example =
    #tile.blocks<bits = 4, zero = 0, group = 32, scale = i8>} {
  return
}

// -----

// expected-error@+2 {{expects 4 values of 8 bits and a zero of 0, but got 3 values and a zero of 0}}
func.func @blocks_c4() attributes {tile.example =
    #tile.blocks<bits = 2, zero = 0, group = 32, scale = f16 values = [1, 2, 3]>} {
  return
}

// -----

// expected-error@+1 {{expects groups of a multiple of 32 columns, but got 16}}
func.func private @groups_c1(tensor<?x64xi8, #tile.groups<16>>)

// -----

// expected-error@+2 {{expects minima or zeros, but got both}}
func.func @blocks_c5() attributes {tile.example =
    #tile.blocks<bits = 4, zero = 0, group = 32, scale = f16 min = true zeros = true>} {
  return
}

// -----

// expected-error@+2 {{expects floats of f8E4M3FN and 8 bits or, of up to 4 bits, an f32 for each code, and nothing but a scale beside them, but got f8E5M2}}
func.func @blocks_c6() attributes {tile.example =
    #tile.blocks<bits = 8, zero = 0, group = 32, scale = f16 floats = f8E5M2>} {
  return
}

// -----

// expected-error@+2 {{an f32 for each code, and nothing but a scale beside them, but got array<f32: 1.000000e+00>}}
func.func @blocks_c6_table() attributes {tile.example =
    #tile.blocks<bits = 1, zero = 0, group = 32, scale = f16 floats = array<f32: 1.0>>} {
  return
}

// -----

// expected-error@below {{expects values of bf16 from a positive count of rows, but got 'f32' from 16}}
func.func private @groups_c2(tensor<?x64xi8, #tile.groups<32, values = f32 from 16>>)

// -----

// expected-error@below {{expects sums over 16 or 32 columns, but got 64}}
func.func private @groups_c3(tensor<?x64xi8, #tile.groups<32 part 64>>)

// -----

// expected-error@below {{expects a zero from 0 to 255, but got 256}}
func.func private @groups_c4(tensor<?x64xi8, #tile.groups<32 zero 256>>)
