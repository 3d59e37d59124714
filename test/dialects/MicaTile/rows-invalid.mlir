// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @rows_c1(%T: index) {
  // expected-error@below {{'tile.rows' op expects region 'apply' to have 3 arguments, but got 2}}
  tile.rows %T columns 64 granule 16 apply {
  ^bb0(%m: index, %n: index):
    tile.yield
  } kinds ["add"] {
  ^bb0(%m: index, %n: index):
    %v = arith.constant dense<1.0> : vector<16xf32>
    tile.yield %v : vector<16xf32>
  }
  return
}

// -----

func.func @rows_c2(%T: index) {
  // expected-error@below {{'tile.rows' op expects one kind for each of 1 stats regions, but got 0}}
  tile.rows %T columns 64 granule 16 apply {
  ^bb0(%m: index, %n: index, %sum: f32):
    tile.yield
  } kinds [] {
  ^bb0(%m: index, %n: index):
    %v = arith.constant dense<1.0> : vector<16xf32>
    tile.yield %v : vector<16xf32>
  }
  return
}

// -----

func.func @rows_c2_kind(%T: index) {
  // expected-error@below {{'tile.rows' op expects kinds `add` and `max`, but got min}}
  tile.rows %T columns 64 granule 16 apply {
  ^bb0(%m: index, %n: index, %sum: f32):
    tile.yield
  } kinds ["min"] {
  ^bb0(%m: index, %n: index):
    %v = arith.constant dense<1.0> : vector<16xf32>
    tile.yield %v : vector<16xf32>
  }
  return
}

// -----

func.func @rows_c3(%T: index) {
  // expected-error@below {{'tile.rows' op expects region 'stats' to yield one f32 vector}}
  tile.rows %T columns 64 granule 16 apply {
  ^bb0(%m: index, %n: index, %sum: f32):
    tile.yield
  } kinds ["add"] {
  ^bb0(%m: index, %n: index):
    tile.yield
  }
  return
}

// -----

func.func @rows_c3_partial(%T: index) {
  // expected-error@below {{'tile.rows' op expects region 'stats' to yield 16 elements, since the last segment is partial, but got 8}}
  tile.rows %T columns 60 granule 16 apply {
  ^bb0(%m: index, %n: index, %sum: f32):
    tile.yield
  } kinds ["add"] {
  ^bb0(%m: index, %n: index):
    %v = arith.constant dense<1.0> : vector<8xf32>
    tile.yield %v : vector<8xf32>
  }
  return
}
