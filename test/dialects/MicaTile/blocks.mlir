// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @blocks
// CHECK-SAME:    #tile.blocks<bits = 4, zero = 8, group = 32, scale = f16>
// CHECK-SAME:    #tile.blocks<bits = 4, zero = 0, group = 32, scale = f16 super = 256 min = true>
// CHECK-SAME:    #tile.blocks<bits = 4, zero = 0, group = 128, scale = f16 zeros = true>
// CHECK-SAME:    #tile.blocks<bits = 1, zero = 0, group = 64, scale = f32 values = [-1, 1]>
// CHECK-SAME:    #tile.blocks<bits = 8, zero = 0, group = 128, scale = f32 floats = f8E4M3FN>
// CHECK-SAME:    #tile.blocks<bits = 1, zero = 0, group = 64, scale = f32 floats = array<f32: -1.000000e+00, 5.000000e-01>>
func.func @blocks() attributes {tile.example = [
    #tile.blocks<bits = 4, zero = 8, group = 32, scale = f16>
    ,
    #tile.blocks<bits = 4, zero = 0, group = 32, scale = f16 super = 256 min = true>
    ,
    #tile.blocks<bits = 4, zero = 0, group = 128, scale = f16 zeros = true>
    ,
    #tile.blocks<bits = 1, zero = 0, group = 64, scale = f32 values = [-1, 1]>
    ,
    #tile.blocks<bits = 8, zero = 0, group = 128, scale = f32 floats = f8E4M3FN>
    ,
    #tile.blocks<bits = 1, zero = 0, group = 64, scale = f32 floats = array<f32: -1.0, 0.5>>
    ]} {
  return
}

// CHECK-LABEL: func private @groups(tensor<?x2048xi8, #tile.groups<32>>, tensor<?x2048xi8, #tile.groups<32 part 32 zero 8>>, tensor<?x2048xi8, #tile.groups<32, values = bf16 from 96>>)
func.func private @groups(
    tensor<?x2048xi8, #tile.groups<32>>
    ,
    tensor<?x2048xi8, #tile.groups<32 part 32 zero 8>>
    ,
    tensor<?x2048xi8, #tile.groups<32, values = bf16 from 96>>
    )
