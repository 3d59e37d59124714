// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @attend_c1(%q: memref<?x512xbf16>, %k: memref<?x2x4x2x32x16x2xbf16>, %v: memref<?x2x4x4x16x16x2xbf16>, %l: index,
    %t: memref<?x4xi32>, %s: memref<?xi32>) {
  // expected-error@below {{'tile.attend' op expects argument 0 of region 'output' to be 'vector<64xf32>', but got 'vector<32xf32>'}}
  tile.attend %q, %k, %v layer(%l) tasks(%t) pages(%s, %s)
      heads 8 key 64 value 64 scale 0.125 bits 16
  bounds {
  ^bb0(%m: index):
    tile.yield %m, %m, %m : index, index, index
  } mask { } score { } output {
  ^bb0(%r: vector<32xf32>, %m: index, %n: index):
    tile.yield
  } : memref<?x512xbf16>, memref<?x2x4x2x32x16x2xbf16>, memref<?x2x4x4x16x16x2xbf16>, memref<?x4xi32>, memref<?xi32>, memref<?xi32>
  return
}

// -----

func.func @attend_c2(%q: memref<?x512xbf16>, %k: memref<?x2x4x2x32x16x2xbf16>, %v: memref<?x2x4x4x16x16x2xbf16>, %l: index,
    %t: memref<?x4xi32>, %s: memref<?xi32>) {
  // expected-error@below {{'tile.attend' op expects heads to be a multiple of 4 kv-heads, but got 6}}
  tile.attend %q, %k, %v layer(%l) tasks(%t) pages(%s, %s)
      heads 6 key 64 value 64 scale 0.125 bits 16
  bounds {
  ^bb0(%m: index):
    tile.yield %m, %m, %m : index, index, index
  } mask { } score { } output {
  ^bb0(%r: vector<64xf32>, %m: index, %n: index):
    tile.yield
  } : memref<?x512xbf16>, memref<?x2x4x2x32x16x2xbf16>, memref<?x2x4x4x16x16x2xbf16>, memref<?x4xi32>, memref<?xi32>, memref<?xi32>
  return
}

// -----

func.func @attend_c3(%q: memref<?x512xbf16>, %k: memref<?x2x4x32x16x2xbf16>, %v: memref<?x2x4x4x16x16x2xbf16>, %l: index,
    %t: memref<?x4xi32>, %s: memref<?xi32>) {
  // expected-error@below {{'tile.attend' op expects keys and values of 7 dimensions, but got 6 and 7}}
  tile.attend %q, %k, %v layer(%l) tasks(%t) pages(%s, %s)
      heads 8 key 64 value 64 scale 0.125 bits 16
  bounds {
  ^bb0(%m: index):
    tile.yield %m, %m, %m : index, index, index
  } mask { } score { } output {
  ^bb0(%r: vector<64xf32>, %m: index, %n: index):
    tile.yield
  } : memref<?x512xbf16>, memref<?x2x4x32x16x2xbf16>, memref<?x2x4x4x16x16x2xbf16>, memref<?x4xi32>, memref<?xi32>, memref<?xi32>
  return
}

// -----

func.func @attend_c4(%q: memref<?x512xf32>, %k: memref<?x2x4x2x64x16x1xi8>, %v: memref<?x2x4x4x32x16x1xi8>, %l: index,
    %t: memref<?x4xi32>, %s: memref<?xi32>) {
  // expected-error@below {{'tile.attend' op expects 2 scales of a cache of 'i8', but got 0}}
  tile.attend %q, %k, %v layer(%l) tasks(%t) pages(%s, %s)
      heads 8 key 64 value 64 scale 0.125 bits 16
  bounds {
  ^bb0(%m: index):
    tile.yield %m, %m, %m : index, index, index
  } mask { } score { } output {
  ^bb0(%r: vector<64xf32>, %m: index, %n: index):
    tile.yield
  } : memref<?x512xf32>, memref<?x2x4x2x64x16x1xi8>, memref<?x2x4x4x32x16x1xi8>, memref<?x4xi32>, memref<?xi32>, memref<?xi32>
  return
}

// -----

func.func @attend_c5(%q: memref<?x512xf32>, %k: memref<?x2x4x2x64x16x1xf32>, %v: memref<?x2x4x4x32x16x1xf32>, %l: index,
    %t: memref<?x4xi32>, %s: memref<?xi32>) {
  // expected-error@below {{'tile.attend' op expects 32 bits of a cache of 'f32', but got 4}}
  tile.attend %q, %k, %v layer(%l) tasks(%t) pages(%s, %s)
      heads 8 key 64 value 64 scale 0.125 bits 4
  bounds {
  ^bb0(%m: index):
    tile.yield %m, %m, %m : index, index, index
  } mask { } score { } output {
  ^bb0(%r: vector<64xf32>, %m: index, %n: index):
    tile.yield
  } : memref<?x512xf32>, memref<?x2x4x2x64x16x1xf32>, memref<?x2x4x4x32x16x1xf32>, memref<?x4xi32>, memref<?xi32>, memref<?xi32>
  return
}

// -----

func.func @attend_c6(%q: memref<?x512xbf16>, %k: memref<?x2x4x2x32x16x2xbf16>, %v: memref<?x2x4x4x16x16x2xbf16>, %l: index,
    %t: memref<?x4xi32>, %s: memref<?xi32>, %sinks: memref<4xf32>) {
  // expected-error@below {{'tile.attend' op expects sinks of 8 query heads, but got 'memref<4xf32>'}}
  tile.attend %q, %k, %v layer(%l) tasks(%t) pages(%s, %s)
      heads 8 key 64 value 64 scale 0.125 bits 16 sinks(%sinks : memref<4xf32>)
  bounds {
  ^bb0(%m: index):
    tile.yield %m, %m, %m : index, index, index
  } mask { } score { } output {
  ^bb0(%r: vector<64xf32>, %m: index, %n: index):
    tile.yield
  } : memref<?x512xbf16>, memref<?x2x4x2x32x16x2xbf16>, memref<?x2x4x4x16x16x2xbf16>, memref<?x4xi32>, memref<?xi32>, memref<?xi32>
  return
}
