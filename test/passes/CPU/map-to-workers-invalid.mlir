// RUN: mica-opt %s -mica-map-to-workers -verify-diagnostics

func.func @no_schedule(%step: !tile.step, %worker: index, %workers: index, %T: index) {
  tile.phase "p" id 1 (%step, %worker, %workers) {
    // expected-error@below {{'tile.rows' op expects a schedule (--mica-assign-schedules)}}
    tile.rows %T columns 64 granule 16 apply {
    ^bb0(%m: index, %n: index):
      tile.yield
    } kinds []
  }
  return
}
