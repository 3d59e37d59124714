// RUN: mica-opt %s -mica-expand-math -split-input-file | FileCheck %s

module {

// CHECK-LABEL: func @extend
func.func @extend(%x: vector<16xbf16>) -> vector<16xf32> {
  // CHECK: %[[I:.*]] = arith.bitcast %{{.*}} : vector<16xbf16> to vector<16xi16>
  // CHECK: %[[W:.*]] = arith.extui %[[I]] : vector<16xi16> to vector<16xi32>
  // CHECK: %[[S:.*]] = arith.shli %[[W]], %{{.*}} : vector<16xi32>
  // CHECK: arith.bitcast %[[S]] : vector<16xi32> to vector<16xf32>
  %y = arith.extf %x : vector<16xbf16> to vector<16xf32>
  return %y : vector<16xf32>
}

// CHECK-LABEL: func @truncate
func.func @truncate(%x: vector<16xf32>) -> vector<16xbf16> {
  // CHECK-NOT: arith.truncf
  // CHECK:     arith.trunci %{{.*}} : vector<16xi32> to vector<16xi16>
  %y = arith.truncf %x : vector<16xf32> to vector<16xbf16>
  return %y : vector<16xbf16>
}

// What is stored in pieces is taken apart as integers.
// CHECK-LABEL: func @store_pieces
func.func @store_pieces(%x: vector<16xf32>, %to: memref<64xbf16>, %i: index) {
  // CHECK: %[[BITS:.*]] = arith.trunci %{{.*}} : vector<16xi32> to vector<16xi16>
  // CHECK: %[[PIECE:.*]] = vector.extract_strided_slice %[[BITS]] {{.*}} : vector<16xi16> to vector<2xi16>
  // CHECK: %[[PAIR:.*]] = arith.bitcast %[[PIECE]] : vector<2xi16> to vector<2xbf16>
  // CHECK: vector.store %[[PAIR]]
  %y = arith.truncf %x : vector<16xf32> to vector<16xbf16>
  %piece = vector.extract_strided_slice %y {offsets = [2], sizes = [2], strides = [1]} : vector<16xbf16> to vector<2xbf16>
  vector.store %piece, %to[%i] : memref<64xbf16>, vector<2xbf16>
  return
}

// f16 is converted by instructions of every target.
// CHECK-LABEL: func @keep_f16
func.func @keep_f16(%x: vector<16xf16>) -> vector<16xf32> {
  // CHECK: arith.extf %{{.*}} : vector<16xf16> to vector<16xf32>
  %y = arith.extf %x : vector<16xf16> to vector<16xf32>
  return %y : vector<16xf32>
}

// CHECK-LABEL: func @functions
func.func @functions(%x: vector<16xf32>, %a: f32) -> (vector<16xf32>, f32) {
  // CHECK-NOT: math.{{(exp|exp2|tanh|erf|sin|cos) }}
  // CHECK:     math.roundeven %{{.*}} : vector<16xf32>
  %e = math.exp %x : vector<16xf32>
  %p = math.exp2 %e : vector<16xf32>
  %t = math.tanh %p : vector<16xf32>
  %r = math.erf %t : vector<16xf32>
  // CHECK:     math.roundeven %{{.*}} : f64
  %s = math.sin %a : f32
  %c = math.cos %s : f32
  return %r, %c : vector<16xf32>, f32
}

}

// -----

module attributes {mica.target = #mica.target<cpu = "x86-64-v4", features = "+avx512bf16", vector_bits = 512, panel = 16, max_granule = 256, dot = [bf16]>} {

// The target rounds a vector in one instruction, a scalar it does not.
// CHECK-LABEL: func @keep_truncate
func.func @keep_truncate(%x: vector<16xf32>, %a: f32) -> (vector<16xbf16>, bf16) {
  // CHECK: arith.truncf %{{.*}} : vector<16xf32> to vector<16xbf16>
  %y = arith.truncf %x : vector<16xf32> to vector<16xbf16>
  // CHECK: arith.trunci %{{.*}} : i32 to i16
  %b = arith.truncf %a : f32 to bf16
  return %y, %b : vector<16xbf16>, bf16
}

}

// -----

module attributes {mica.target = #mica.target<cpu = "armv8.2-a", features = "+bf16", vector_bits = 128, panel = 16, max_granule = 256, dot = [bf16]>} {

// CHECK-LABEL: func @keep_truncate_on_arm
func.func @keep_truncate_on_arm(%x: vector<16xf32>) -> vector<16xbf16> {
  // CHECK: arith.truncf %{{.*}} : vector<16xf32> to vector<16xbf16>
  %y = arith.truncf %x : vector<16xf32> to vector<16xbf16>
  return %y : vector<16xbf16>
}

}
