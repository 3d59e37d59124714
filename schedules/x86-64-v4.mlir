// Schedules for AVX-512 (x86-64-v4) without a dot product of bf16: 32 registers
// of 16 f32, one panel each. See `#tile.schedule` for the fields; the first row
// that agrees with an operation is taken.
module attributes {tile.schedules = [
  {op = "tile.contract", weight = i8, input = i8, schedule = #tile.schedule<rows = [12, 8, 6, 4, 2, 1], panels = [1, 1, 1, 1, 1, 4], block = 96, unit = 64, unroll = 1, prefetch = [4096, 6144, 6144, 6144, 0, 512]>},
  {op = "tile.contract", weight = i8, schedule = #tile.schedule<rows = [6, 4, 2, 1], panels = [2, 2, 2, 2], block = 96, unit = 64, unroll = 1, prefetch = 512>},
  {op = "tile.contract", weight = bf16, schedule = #tile.schedule<rows = [12, 8, 4, 2, 1], panels = [2, 2, 4, 4, 4], block = 96, unit = 64, unroll = 2, prefetch = 512>},
  {op = "tile.contract", schedule = #tile.schedule<rows = [12, 8, 4, 2, 1], panels = [2, 2, 4, 4, 4], block = 96, unit = 64, unroll = 4, prefetch = 0>},
  {op = "tile.rows", schedule = #tile.schedule<rows = [1], panels = [1], block = 4, unit = 64, unroll = 1, prefetch = 0>},
  {op = "tile.attend", schedule = #tile.schedule<rows = [12, 8, 4, 2, 1], panels = [2, 2, 4, 4, 4], block = 48, unit = 64, unroll = 2, prefetch = 64>}
]} {
}
