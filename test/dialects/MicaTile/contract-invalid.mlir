// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @contract_c1(%x: memref<?x32xf32>, %w: memref<4x32x16x1xf32>) {
  // expected-error@below {{'tile.contract' op expects region 'epilogue' to have 3 arguments, but got 2}}
  tile.contract %x, %w columns 64 granule 16  {
  ^bb0(%acc: vector<16xf32>, %m: index):
    tile.yield
  } : memref<?x32xf32>, memref<4x32x16x1xf32>
  return
}

// -----

func.func @contract_c1_vector(%x: memref<?x32xf32>, %w: memref<4x32x16x1xf32>) {
  // expected-error@below {{'tile.contract' op expects argument 0 of region 'epilogue' to be 'f32' in a vector, but got 'vector<16xi32>'}}
  tile.contract %x, %w columns 64 granule 16  {
  ^bb0(%acc: vector<16xi32>, %m: index, %n: index):
    tile.yield
  } : memref<?x32xf32>, memref<4x32x16x1xf32>
  return
}

// -----

func.func @contract_c2(%x: memref<?x32xf32>, %w: memref<4x32x16x1xf32>) {
  // expected-error@below {{'tile.contract' op expects a weight of 80 padded rows, but got 64}}
  tile.contract %x, %w columns 72 granule 16 elastic {
  ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
    tile.yield
  } : memref<?x32xf32>, memref<4x32x16x1xf32>
  return
}

// -----

func.func @contract_c3(%x: memref<?x16xf32>, %w: memref<4x32x16x1xf32>) {
  // expected-error@below {{'tile.contract' op expects input rows of at least 32 columns, but got 16}}
  tile.contract %x, %w columns 64 granule 16  {
  ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
    tile.yield
  } : memref<?x16xf32>, memref<4x32x16x1xf32>
  return
}

// -----

func.func @contract_c4(%x: memref<?x32xf32>, %w: memref<4x32x16x1xf32>) {
  // expected-error@below {{'tile.contract' op expects a granule that is a multiple of the segment of 24 columns, but got 16}}
  tile.contract %x, %w columns 64 granule 16  {
  ^bb0(%acc: vector<24xf32>, %m: index, %n: index):
    tile.yield
  } : memref<?x32xf32>, memref<4x32x16x1xf32>
  return
}

// -----

func.func @contract_c4_columns(%x: memref<?x32xf32>, %w: memref<4x32x16x1xf32>) {
  // expected-error@below {{'tile.contract' op expects columns that are a multiple of the granule of 32, but got 56}}
  tile.contract %x, %w columns 56 granule 32  {
  ^bb0(%acc: vector<32xf32>, %m: index, %n: index):
    tile.yield
  } : memref<?x32xf32>, memref<4x32x16x1xf32>
  return
}

// -----

func.func @contract_c5(%x: memref<?x64xi8>, %w: memref<4x32x16x1xf32>) {
  // expected-error@below {{'tile.contract' op expects i8 weights with blocks and i8 input with groups, but got 'memref<4x32x16x1xf32>' and 'memref<?x64xi8>'}}
  tile.contract %x, %w columns 64 granule 16 groups <32> {
  ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
    tile.yield
  } : memref<?x64xi8>, memref<4x32x16x1xf32>
  return
}

// -----

func.func @contract_c5_lines(%x: memref<?x64xf32>, %w: memref<4x1x8x64xi8>) {
  // expected-error@below {{'tile.contract' op expects 9 lines for each 64 of the terms, but got 'memref<4x1x8x64xi8>' of 64}}
  tile.contract %x, %w columns 64 granule 16
      blocks <bits = 4, zero = 8, group = 32, scale = f16> terms 64 {
  ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
    tile.yield
  } : memref<?x64xf32>, memref<4x1x8x64xi8>
  return
}

// -----

func.func @contract_c3_groups(%x: memref<?x64xi8>, %w: memref<4x1x9x64xi8>) {
  // expected-error@below {{'tile.contract' op expects input rows of at least 88 columns, but got 64}}
  tile.contract %x, %w columns 64 granule 16
      blocks <bits = 4, zero = 8, group = 32, scale = f16> terms 64 groups <32> {
  ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
    tile.yield
  } : memref<?x64xi8>, memref<4x1x9x64xi8>
  return
}

// -----

func.func @contract_c8(%x: memref<?x88xi8>, %w: memref<4x1x9x64xi8>) {
  // expected-error@below {{'tile.contract' op expects rows with sums for #tile.blocks<bits = 4, zero = 8, group = 32, scale = f16>, but got #tile.groups<32 zero 7>}}
  tile.contract %x, %w columns 64 granule 16
      blocks <bits = 4, zero = 8, group = 32, scale = f16> terms 64 groups <32 zero 7> {
  ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
    tile.yield
  } : memref<?x88xi8>, memref<4x1x9x64xi8>
  return
}

// -----

func.func @contract_c6(%x: memref<?x64xf32>, %w: memref<4x1x9x64xi8>) {
  // expected-error@below {{'tile.contract' op expects round_weights_from to be positive, and rows of bf16 to meet blocks, but got 8 and 'memref<?x64xf32>'}}
  tile.contract %x, %w columns 64 granule 16
      blocks <bits = 4, zero = 8, group = 32, scale = f16> terms 64 attributes {round_weights_from = 8 : i64} {
  ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
    tile.yield
  } : memref<?x64xf32>, memref<4x1x9x64xi8>
  return
}

// -----

func.func @contract_c7(%x: memref<?x32xf32>, %w: memref<4x32x16x1xf32>, %o: memref<?x3xi32>) {
  // expected-error@below {{'tile.contract' op expects 1 or more parts and runs of pairs, but got 2 and 'memref<?x3xi32>'}}
  tile.contract %x, %w runs(%o : memref<?x3xi32>) parts 2 columns 64 granule 16 {
  ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
    tile.yield
  } : memref<?x32xf32>, memref<4x32x16x1xf32>
  return
}

// -----

func.func @contract_c2_parts(%x: memref<?x32xf32>, %w: memref<4x32x16x1xf32>, %o: memref<?x2xi32>) {
  // expected-error@below {{'tile.contract' op expects a weight of 128 padded rows, but got 64}}
  tile.contract %x, %w runs(%o : memref<?x2xi32>) parts 2 columns 64 granule 16 {
  ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
    tile.yield
  } : memref<?x32xf32>, memref<4x32x16x1xf32>
  return
}

// -----

func.func @contract_c7_many(%x: memref<?x32xf32>, %w: memref<4x32x16x1xf32>) {
  // expected-error@below {{'tile.contract' op expects runs or steps for 2 parts}}
  tile.contract %x, %w parts 2 columns 32 granule 16 {
  ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
    tile.yield
  } : memref<?x32xf32>, memref<4x32x16x1xf32>
  return
}

// -----

func.func @contract_c9(%x: memref<?x64xf32>, %w: memref<4x32x16x1xf32>) {
  // expected-error@below {{'tile.contract' op expects steps of 1 or more to 32 columns or more, without runs and groups, but got 32 to 16}}
  tile.contract %x, %w parts 2 steps 32 to 16 columns 32 granule 16 {
  ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
    tile.yield
  } : memref<?x64xf32>, memref<4x32x16x1xf32>
  return
}

// -----

func.func @contract_c9_granule(%x: memref<?x64xf32>, %w: memref<4x32x16x1xf32>) {
  // expected-error@below {{'tile.contract' op expects granules of 16 columns to fill a part of 24}}
  tile.contract %x, %w parts 2 steps 32 to 40 columns 24 granule 16 {
  ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
    tile.yield
  } : memref<?x64xf32>, memref<4x32x16x1xf32>
  return
}

// -----

func.func @contract_c3_steps(%x: memref<?x48xf32>, %w: memref<4x32x16x1xf32>) {
  // expected-error@below {{'tile.contract' op expects input rows of at least 64 columns, but got 48}}
  tile.contract %x, %w parts 2 steps 32 to 40 columns 32 granule 16 {
  ^bb0(%acc: vector<16xf32>, %m: index, %n: index):
    tile.yield
  } : memref<?x48xf32>, memref<4x32x16x1xf32>
  return
}
