// Schedules for AArch64 with NEON (armv8.2-a): 32 registers of 4 f32, so a panel
// of 16 rows takes four, and six rows of sums leave room for weights and inputs.
// See `#tile.schedule` for the fields; the first row that agrees with an
// operation is taken.
module attributes {tile.schedules = [
  {op = "tile.contract", weight = i8, input = i8, schedule = #tile.schedule<rows = [4, 2, 1], panels = [1, 1, 1], block = 96, unit = 64, unroll = 1, prefetch = 0>},
  {op = "tile.contract", weight = i8, schedule = #tile.schedule<rows = [4, 2, 1], panels = [1, 1, 1], block = 96, unit = 64, unroll = 1, prefetch = 0>},
  {op = "tile.contract", weight = f32, schedule = #tile.schedule<rows = [6, 4, 2, 1], panels = [1, 1, 2, 4], block = 96, unit = 64, unroll = 4, prefetch = 0>},
  {op = "tile.contract", weight = bf16, schedule = #tile.schedule<rows = [4, 2, 1], panels = [1, 1, 2], block = 96, unit = 64, unroll = 1, prefetch = 0>},
  {op = "tile.contract", schedule = #tile.schedule<rows = [4, 2, 1], panels = [1, 1, 2], block = 96, unit = 64, unroll = 2, prefetch = 0>},
  {op = "tile.rows", schedule = #tile.schedule<rows = [1], panels = [1], block = 4, unit = 64, unroll = 1, prefetch = 0>},
  {op = "tile.attend", schedule = #tile.schedule<rows = [4, 2, 1], panels = [1, 1, 2], block = 32, unit = 64, unroll = 2, prefetch = 0>}
]} {
}
