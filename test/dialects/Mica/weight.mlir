// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK: mica.weight @norm : !mica.weight<64, f32> from [#mica.source<file = 0, tensor = "output_norm.weight", first = 0, rows = 64, transposed = false, permuted = 0>]
mica.weight @norm : !mica.weight<64, f32> from [#mica.source<file = 0, tensor = "output_norm.weight", first = 0, rows = 64, transposed = false, permuted = 0>]

// CHECK: mica.weight @gate : !mica.weight<32x64, f16>
// CHECK: mica.weight @up : !mica.weight<32x64, f16>
mica.weight @gate : !mica.weight<32x64, f16>
mica.weight @up : !mica.weight<32x64, f16>

func.func @pack_mlp(%g: !mica.weight<32x64, f16>, %u: !mica.weight<32x64, f16>)
    -> !mica.weight<64x64, bf16> {
  %p = mica.pack %g, %u {interleave = 16} : (!mica.weight<32x64, f16>, !mica.weight<32x64, f16>) -> !mica.weight<64x64, bf16>
  return %p : !mica.weight<64x64, bf16>
}

// CHECK: mica.weight @mlp : !mica.weight<64x64, bf16> by @pack_mlp of [@gate, @up]
mica.weight @mlp : !mica.weight<64x64, bf16> by @pack_mlp of [@gate, @up]
