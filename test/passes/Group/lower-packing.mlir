// RUN: mica-opt %s -mica-lower-packing -canonicalize -cse | FileCheck %s

#vector = #mica.layout<panel = 1, group = 1, granule = 1, align = 16>
#pairs = #mica.layout<panel = 4, group = 2, granule = 4, align = 8>
#odd = #mica.layout<panel = 4, group = 1, granule = 6, align = 4>

// Elements one by one, the offset in f32, then zeros up to 16.
// CHECK-LABEL: func @vector
// CHECK-SAME:    (%[[FETCH:.*]]: !llvm.ptr, %[[CONTEXT:.*]]: !llvm.ptr, %[[SCRATCH:.*]]: !llvm.ptr, %[[OUT:.*]]: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64)
// CHECK-SAME:    attributes {mica.pack_function}
func.func @vector(%a: !mica.weight<10, bf16>) -> !mica.weight<10, f32, #vector>
    attributes {mica.pack_function} {
  // CHECK-DAG:  %[[ONE:.*]] = arith.constant dense<1.000000e+00> : vector<1xf32>
  // CHECK-DAG:  %[[ZERO:.*]] = arith.constant dense<0> : vector<1xi32>
  // CHECK-DAG:  %[[C0:.*]] = arith.constant 0 : i64
  // CHECK-DAG:  %[[C10:.*]] = arith.constant 10 : i64
  // CHECK-DAG:  %[[C16:.*]] = arith.constant 16 : i64
  // CHECK:      llvm.call %[[FETCH]](%[[CONTEXT]], %[[C0]], %[[C0]], %[[SCRATCH]])
  // CHECK:      scf.for %{{.*}} = %[[C0]] to %[[C10]]
  // CHECK:        arith.addf %{{.*}}, %[[ONE]] : vector<1xf32>
  // CHECK:        llvm.store
  // CHECK:      scf.for %{{.*}} = %[[C10]] to %[[C16]]
  // CHECK:        llvm.store %[[ZERO]]
  %p = mica.pack %a {offset = 1.0 : f32} : (!mica.weight<10, bf16>) -> !mica.weight<10, f32, #vector>
  return %p : !mica.weight<10, f32, #vector>
}

// Indices arrive as whole numbers of f32.
// CHECK-LABEL: func @indices
func.func @indices(%a: !mica.weight<10, i32>) -> !mica.weight<10, i32, #vector>
    attributes {mica.pack_function} {
  // CHECK: arith.fptosi %{{.*}} : vector<1xf32> to vector<1xi32>
  %p = mica.pack %a : (!mica.weight<10, i32>) -> !mica.weight<10, i32, #vector>
  return %p : !mica.weight<10, i32, #vector>
}

// Panels of 4 rows by 4 units of 2 columns: two perfect shuffles transpose a
// block, and bf16 is rounded in integers, never by arith.truncf.
// CHECK-LABEL: func @pairs
func.func @pairs(%a: !mica.weight<8x8, f16>) -> !mica.weight<8x8, bf16, #pairs>
    attributes {mica.pack_function} {
  // CHECK:          scf.for
  // CHECK:            scf.for
  // CHECK:              llvm.call
  // CHECK-NOT:        arith.truncf
  // CHECK-NOT:        arith.addf
  // CHECK:            arith.trunci %{{.*}} : vector<8xi32> to vector<8xi16>
  // CHECK-COUNT-4:    vector.shuffle %{{.*}} [0, 1, 8, 9, 2, 3, 10, 11]
  // CHECK-COUNT-4:    llvm.store %{{.*}} : vector<8xi16>, !llvm.ptr
  // CHECK-NOT:        vector.shuffle
  %p = mica.pack %a : (!mica.weight<8x8, f16>) -> !mica.weight<8x8, bf16, #pairs>
  return %p : !mica.weight<8x8, bf16, #pairs>
}

// Granules of 6 rows occupy 8: rows past the granule are zero, and so are the
// columns past the fifth.
// CHECK-LABEL: func @padding
func.func @padding(%a: !mica.weight<12x5, f32>) -> !mica.weight<12x5, f32, #odd>
    attributes {mica.pack_function} {
  // CHECK-DAG:  %[[ZERO:.*]] = arith.constant dense<0> : vector<4xi32>
  // CHECK-DAG:  %[[MASK:.*]] = arith.constant dense<[true, false, false, false]> : vector<4xi1>
  // CHECK-DAG:  %[[C4:.*]] = arith.constant 4 : i64
  // CHECK:      %[[VALID:.*]] = arith.minsi %{{.*}}, %[[C4]]
  // CHECK:      arith.cmpi sgt, %[[VALID]]
  // CHECK:      arith.select %{{.*}}, %{{.*}}, %[[ZERO]] : vector<4xi32>
  // CHECK:      arith.select %[[MASK]], %{{.*}}, %[[ZERO]] : vector<4xi1>, vector<4xi32>
  %p = mica.pack %a : (!mica.weight<12x5, f32>) -> !mica.weight<12x5, f32, #odd>
  return %p : !mica.weight<12x5, f32, #odd>
}

// Two sources in turns of 16 rows: row n is row (n / 32) * 16 + n % 16 of source
// n / 16 % 2.
// CHECK-LABEL: func @interleave
func.func @interleave(%g: !mica.weight<32x8, f32>, %u: !mica.weight<32x8, f32>)
    -> !mica.weight<64x8, f32, #pairs> attributes {mica.pack_function} {
  // CHECK-DAG:  %[[C2:.*]] = arith.constant 2 : i64
  // CHECK-DAG:  %[[C16:.*]] = arith.constant 16 : i64
  // CHECK-DAG:  %[[C32:.*]] = arith.constant 32 : i64
  // CHECK:      %[[TURN:.*]] = arith.divui %[[N:.*]], %[[C16]]
  // CHECK:      %[[SOURCE:.*]] = arith.remui %[[TURN]], %[[C2]]
  // CHECK:      %[[BOTH:.*]] = arith.divui %[[N]], %[[C32]]
  // CHECK:      %[[FIRST:.*]] = arith.muli %[[BOTH]], %[[C16]]
  // CHECK:      %[[WITHIN:.*]] = arith.remui %[[N]], %[[C16]]
  // CHECK:      %[[ROW:.*]] = arith.addi %[[FIRST]], %[[WITHIN]]
  // CHECK:      llvm.call %{{.*}}(%{{.*}}, %[[SOURCE]], %[[ROW]], %{{.*}})
  %p = mica.pack %g, %u {interleave = 16} : (!mica.weight<32x8, f32>, !mica.weight<32x8, f32>) -> !mica.weight<64x8, f32, #pairs>
  return %p : !mica.weight<64x8, f32, #pairs>
}

// Not marked as a pack function, so it stays.
// CHECK-LABEL: func @other
func.func @other(%a: !mica.weight<10, bf16>) -> !mica.weight<10, f32, #vector> {
  // CHECK: mica.pack
  %p = mica.pack %a : (!mica.weight<10, bf16>) -> !mica.weight<10, f32, #vector>
  return %p : !mica.weight<10, f32, #vector>
}

// A block format: rows are fetched taken apart. Of each run of 32 codes, dwords
// 0 to 3 go to the low halves of four lines, 4 to 7 to the high ones.
#blocks = #mica.layout<panel = 4, group = 4, granule = 4, align = 64>
// CHECK-LABEL: func @blocks
func.func @blocks(%a: !mica.weight<8x64, #mica.format<"q4_0", 32 x 18, <bits = 4, zero = 8, group = 32, scale = f16>>>) -> !mica.weight<8x64, #mica.format<"q4_0", 32 x 18, <bits = 4, zero = 8, group = 32, scale = f16>>, #blocks>
    attributes {mica.pack_function} {
  // CHECK:          llvm.call
  // Two scales of the row, from f32.
  // CHECK-COUNT-2:  arith.truncf %{{.*}} : vector<1xf32> to vector<1xf16>
  // CHECK:          scf.for
  // CHECK:            %[[LOW:.*]] = arith.andi %{{.*}}, %{{.*}} : vector<4xi32>
  // CHECK:            %[[HIGH:.*]] = arith.shli %{{.*}}, %{{.*}} : vector<4xi32>
  // CHECK:            arith.ori %{{.*}}, %[[HIGH]] : vector<4xi32>
  // CHECK-COUNT-4:    llvm.store %{{.*}} : i32, !llvm.ptr
  %p = mica.pack %a : (!mica.weight<8x64, #mica.format<"q4_0", 32 x 18, <bits = 4, zero = 8, group = 32, scale = f16>>>) -> !mica.weight<8x64, #mica.format<"q4_0", 32 x 18, <bits = 4, zero = 8, group = 32, scale = f16>>, #blocks>
  return %p : !mica.weight<8x64, #mica.format<"q4_0", 32 x 18, <bits = 4, zero = 8, group = 32, scale = f16>>, #blocks>
}
