// Schedules for AVX2 (x86-64-v3): 16 registers of 8 f32, so a panel of 16 rows
// takes two. Weights of bf16 need four more while they are converted, so that
// five rows fit, not six. See `#tile.schedule` for the fields; the first row that
// agrees with an operation is taken.
module attributes {tile.schedules = [
  {op = "tile.contract", weight = i8, input = i8, schedule = #tile.schedule<rows = [4, 2, 1], panels = [1, 1, 2], block = 96, unit = 64, unroll = 1, prefetch = [6144, 0, 0]>},
  {op = "tile.contract", weight = i8, schedule = #tile.schedule<rows = [4, 2, 1], panels = [1, 1, 1], block = 96, unit = 64, unroll = 1, prefetch = 0>},
  {op = "tile.contract", weight = f32, schedule = #tile.schedule<rows = [6, 4, 2, 1], panels = [1, 1, 2, 4], block = 96, unit = 64, unroll = 4, prefetch = 0>},
  {op = "tile.contract", weight = bf16, schedule = #tile.schedule<rows = [5, 4, 2, 1], panels = [1, 1, 1, 4], block = 95, unit = 64, unroll = 1, prefetch = 0>},
  {op = "tile.contract", schedule = #tile.schedule<rows = [6, 4, 2, 1], panels = [1, 1, 2, 2], block = 96, unit = 64, unroll = 4, prefetch = 0>},
  {op = "tile.rows", schedule = #tile.schedule<rows = [1], panels = [1], block = 4, unit = 64, unroll = 1, prefetch = 0>},
  {op = "tile.attend", schedule = #tile.schedule<rows = [4, 2, 1], panels = [1, 2, 4], block = 32, unit = 64, unroll = 2, prefetch = 64>}
]} {
}
