// RUN: cat %s %S/Inputs/fill.inc | mica-opt -mica-reference -mica-reference-to-llvm \
// RUN:   | %runner | FileCheck %s

// The same with the rates, -exp(a_log), as the weight.
// RUN: cat %s %S/Inputs/fill.inc \
// RUN:   | sed -e 's/\[1.0, -0.5\]> : tensor<2x/[-2.7182818284590452, -0.6065306597126334]> : tensor<2x/' \
// RUN:     -e 's/{least = 0.25 : f32,/{rates, least = 0.25 : f32,/' \
// RUN:   | mica-opt -mica-reference -mica-reference-to-llvm | %runner | FileCheck %s

// Values computed by `literals.py recurrent`, beside this file.

// Prefill: three rows of sequence 0, one of sequence 1. Decode: one and two more.
memref.global "private" constant @token0 : memref<4xi32> = dense<[0, 0, 0, 0]>
memref.global "private" constant @position0 : memref<4xi32> = dense<[0, 1, 2, 0]>
memref.global "private" constant @row_start0 : memref<3xi32> = dense<[0, 3, 4]>
memref.global "private" constant @out_row0 : memref<2xi32> = dense<[2, 3]>
memref.global "private" constant @length0 : memref<2xi32> = dense<[3, 1]>

func.func @prefill() -> !mica.batch {
  %token_list = memref.get_global @token0 : memref<4xi32>
  %token = memref.cast %token_list : memref<4xi32> to memref<?xi32>
  %position_list = memref.get_global @position0 : memref<4xi32>
  %position = memref.cast %position_list : memref<4xi32> to memref<?xi32>
  %row_start_list = memref.get_global @row_start0 : memref<3xi32>
  %row_start = memref.cast %row_start_list : memref<3xi32> to memref<?xi32>
  %out_row_list = memref.get_global @out_row0 : memref<2xi32>
  %out_row = memref.cast %out_row_list : memref<2xi32> to memref<?xi32>
  %length_list = memref.get_global @length0 : memref<2xi32>
  %length = memref.cast %length_list : memref<2xi32> to memref<?xi32>
  %batch = builtin.unrealized_conversion_cast %token, %position, %row_start, %out_row, %length : memref<?xi32>, memref<?xi32>, memref<?xi32>, memref<?xi32>, memref<?xi32> to !mica.batch
  return %batch : !mica.batch
}

memref.global "private" constant @token1 : memref<3xi32> = dense<[0, 0, 0]>
memref.global "private" constant @position1 : memref<3xi32> = dense<[3, 1, 2]>
memref.global "private" constant @row_start1 : memref<3xi32> = dense<[0, 1, 3]>
memref.global "private" constant @out_row1 : memref<2xi32> = dense<[0, 2]>
memref.global "private" constant @length1 : memref<2xi32> = dense<[4, 3]>

func.func @decode() -> !mica.batch {
  %token_list = memref.get_global @token1 : memref<3xi32>
  %token = memref.cast %token_list : memref<3xi32> to memref<?xi32>
  %position_list = memref.get_global @position1 : memref<3xi32>
  %position = memref.cast %position_list : memref<3xi32> to memref<?xi32>
  %row_start_list = memref.get_global @row_start1 : memref<3xi32>
  %row_start = memref.cast %row_start_list : memref<3xi32> to memref<?xi32>
  %out_row_list = memref.get_global @out_row1 : memref<2xi32>
  %out_row = memref.cast %out_row_list : memref<2xi32> to memref<?xi32>
  %length_list = memref.get_global @length1 : memref<2xi32>
  %length = memref.cast %length_list : memref<2xi32> to memref<?xi32>
  %batch = builtin.unrealized_conversion_cast %token, %position, %row_start, %out_row, %length : memref<?xi32>, memref<?xi32>, memref<?xi32>, memref<?xi32>, memref<?xi32> to !mica.batch
  return %batch : !mica.batch
}

mica.weight @taps : !mica.weight<3x3, f32> {mica.value = dense<[[-0.25, 1.5, 0.0], [-1.5, 0.25, -1.25], [0.5, -1.0, 0.75]]> : tensor<3x3xf32>}
mica.weight @conv_bias : !mica.weight<3, f32> {mica.value = dense<[1.0, -0.5, 1.25]> : tensor<3xf32>}
mica.weight @time_bias : !mica.weight<2, f32> {mica.value = dense<[-0.25, 1.5]> : tensor<2xf32>}
mica.weight @a_log : !mica.weight<2, f32> {mica.value = dense<[1.0, -0.5]> : tensor<2xf32>}
mica.weight @skip : !mica.weight<2, f32> {mica.value = dense<[-1.0, 0.75]> : tensor<2xf32>}

!conv = !mica.state<2x3, f32>
!ssm = !mica.state<2x3x2, f32>

func.func @rows3(%rows: index, %seed: index) -> tensor<?x3xf32> {
  %width = arith.constant 3 : index
  %any = call @fill(%rows, %width, %seed) : (index, index, index) -> tensor<?x?xf32>
  %x = tensor.cast %any : tensor<?x?xf32> to tensor<?x3xf32>
  return %x : tensor<?x3xf32>
}
func.func @rows2(%rows: index, %seed: index) -> tensor<?x2xf32> {
  %width = arith.constant 2 : index
  %any = call @fill(%rows, %width, %seed) : (index, index, index) -> tensor<?x?xf32>
  %x = tensor.cast %any : tensor<?x?xf32> to tensor<?x2xf32>
  return %x : tensor<?x2xf32>
}
func.func @rows4(%rows: index, %seed: index) -> tensor<?x4xf32> {
  %width = arith.constant 4 : index
  %any = call @fill(%rows, %width, %seed) : (index, index, index) -> tensor<?x?xf32>
  %x = tensor.cast %any : tensor<?x?xf32> to tensor<?x4xf32>
  return %x : tensor<?x4xf32>
}
func.func @rows6(%rows: index, %seed: index) -> tensor<?x6xf32> {
  %width = arith.constant 6 : index
  %any = call @fill(%rows, %width, %seed) : (index, index, index) -> tensor<?x?xf32>
  %x = tensor.cast %any : tensor<?x?xf32> to tensor<?x6xf32>
  return %x : tensor<?x6xf32>
}

func.func @step(%batch: !mica.batch, %s0: !conv, %s1: !ssm, %s2: !ssm, %s3: !ssm, %rows: index, %seed0: index) -> (!conv, !ssm, !ssm, !ssm) {
  %c1 = arith.constant 1 : index
  %seed1 = arith.addi %seed0, %c1 : index
  %seed2 = arith.addi %seed1, %c1 : index
  %seed3 = arith.addi %seed2, %c1 : index
  %seed4 = arith.addi %seed3, %c1 : index
  %taps = mica.get_weight @taps : !mica.weight<3x3, f32>
  %conv_bias = mica.get_weight @conv_bias : !mica.weight<3, f32>
  %time_bias = mica.get_weight @time_bias : !mica.weight<2, f32>
  %a_log = mica.get_weight @a_log : !mica.weight<2, f32>
  %skip = mica.get_weight @skip : !mica.weight<2, f32>
  %x = call @rows3(%rows, %seed0) : (index, index) -> tensor<?x3xf32>
  %y0, %n0 = mica.short_conv %x, %taps, %s0, %batch bias %conv_bias : tensor<?x3xf32>, !mica.weight<3x3, f32>, !conv, !mica.weight<3, f32>
  %show1 = tensor.cast %y0 : tensor<?x3xf32> to tensor<?x?xf32>
  call @show(%show1) : (tensor<?x?xf32>) -> ()
  %u = call @rows4(%rows, %seed0) : (index, index) -> tensor<?x4xf32>
  %dt = call @rows2(%rows, %seed1) : (index, index) -> tensor<?x2xf32>
  %b = call @rows3(%rows, %seed2) : (index, index) -> tensor<?x3xf32>
  %c = call @rows3(%rows, %seed3) : (index, index) -> tensor<?x3xf32>
  %y1, %n1 = mica.ssm_scan %u, %dt, %b, %c, %time_bias, %a_log, %skip, %s1, %batch {least = 0.25 : f32, most = 2.0 : f32} : tensor<?x4xf32>, tensor<?x2xf32>, tensor<?x3xf32>, !mica.weight<2, f32>, !mica.weight<2, f32>, !mica.weight<2, f32>, !ssm
  %show2 = tensor.cast %y1 : tensor<?x4xf32> to tensor<?x?xf32>
  call @show(%show2) : (tensor<?x?xf32>) -> ()
  %q = call @rows3(%rows, %seed0) : (index, index) -> tensor<?x3xf32>
  %k = call @rows3(%rows, %seed1) : (index, index) -> tensor<?x3xf32>
  %v = call @rows4(%rows, %seed2) : (index, index) -> tensor<?x4xf32>
  %head = call @rows2(%rows, %seed3) : (index, index) -> tensor<?x2xf32>
  %column = call @rows6(%rows, %seed3) : (index, index) -> tensor<?x6xf32>
  %beta = call @rows2(%rows, %seed4) : (index, index) -> tensor<?x2xf32>
  %y2, %n2 = mica.gated_delta %q, %k, %v, %head, %beta, %s2, %batch : tensor<?x3xf32>, tensor<?x4xf32>, tensor<?x2xf32>, tensor<?x2xf32>, !ssm
  %show3 = tensor.cast %y2 : tensor<?x4xf32> to tensor<?x?xf32>
  call @show(%show3) : (tensor<?x?xf32>) -> ()
  %y3, %n3 = mica.gated_delta %q, %k, %v, %column, %beta, %s3, %batch : tensor<?x3xf32>, tensor<?x4xf32>, tensor<?x6xf32>, tensor<?x2xf32>, !ssm
  %show4 = tensor.cast %y3 : tensor<?x4xf32> to tensor<?x?xf32>
  call @show(%show4) : (tensor<?x?xf32>) -> ()
  return %n0, %n1, %n2, %n3 : !conv, !ssm, !ssm, !ssm
}

// What is in memory before the first row of a sequence must not be seen.
func.func @unclean() -> !ssm {
  %c0 = arith.constant 0 : index
  %three = arith.constant 3.0 : f64
  %buffer = memref.alloc() : memref<1x2x2x3x2xf64>
  %c1 = arith.constant 1 : index
  %c24 = arith.constant 24 : index
  %flat = memref.collapse_shape %buffer [[0, 1, 2, 3, 4]] : memref<1x2x2x3x2xf64> into memref<24xf64>
  scf.for %i = %c0 to %c24 step %c1 {
    memref.store %three, %flat[%i] : memref<24xf64>
  }
  %any = memref.cast %buffer : memref<1x2x2x3x2xf64> to memref<?x?x2x3x2xf64>
  %state = builtin.unrealized_conversion_cast %any, %c0 : memref<?x?x2x3x2xf64>, index to !ssm
  return %state : !ssm
}

func.func @main() {
  %c0 = arith.constant 0 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %buffer = memref.alloc() : memref<1x2x2x3xf64>
  %three = arith.constant 3.0 : f64
  %c1 = arith.constant 1 : index
  %c12 = arith.constant 12 : index
  %flat = memref.collapse_shape %buffer [[0, 1, 2, 3]] : memref<1x2x2x3xf64> into memref<12xf64>
  scf.for %i = %c0 to %c12 step %c1 {
    memref.store %three, %flat[%i] : memref<12xf64>
  }
  %any = memref.cast %buffer : memref<1x2x2x3xf64> to memref<?x?x2x3xf64>
  %s0 = builtin.unrealized_conversion_cast %any, %c0 : memref<?x?x2x3xf64>, index to !conv
  %s1 = call @unclean() : () -> !ssm
  %s2 = call @unclean() : () -> !ssm
  %s3 = call @unclean() : () -> !ssm

  %batch0 = call @prefill() : () -> !mica.batch
  %p0, %p1, %p2, %p3 = call @step(%batch0, %s0, %s1, %s2, %s3, %c4, %c0) : (!mica.batch, !conv, !ssm, !ssm, !ssm, index, index) -> (!conv, !ssm, !ssm, !ssm)
  // short_conv, prefill
  // CHECK: sizes = [4, 3]
  // CHECK-NEXT{LITERAL}: [0.25, -0.75, 0.3125]
  // CHECK-NEXT{LITERAL}: [3.5, 0.5625, 3.375]
  // CHECK-NEXT{LITERAL}: [0.25, -1.375, -0.0625]
  // CHECK-NEXT{LITERAL}: [1.625, -0.25, 2.375]
  // ssm_scan, prefill
  // CHECK: sizes = [4, 4]
  // CHECK-NEXT{LITERAL}: [3.14445, -0.524076, 4.84375, -1.9375]
  // CHECK-NEXT{LITERAL}: [1.158, -1.1123, -4.66058, 1.90403]
  // CHECK-NEXT{LITERAL}: [0.0602675, -0.452151, -0.075892, 2.62749]
  // CHECK-NEXT{LITERAL}: [0, 3.90039, -0.284319, 1.42159]
  // gated_delta per head, prefill
  // CHECK: sizes = [4, 4]
  // CHECK-NEXT{LITERAL}: [0.1875, -0.09375, -1.17188, 0.234375]
  // CHECK-NEXT{LITERAL}: [-1.55922, 0.053049, 10.1675, -2.13038]
  // CHECK-NEXT{LITERAL}: [1.37632, -0.647594, -84.673, 18.4493]
  // CHECK-NEXT{LITERAL}: [1.45312, -1.9375, -0.484375, 1.21094]
  // gated_delta per column, prefill
  // CHECK: sizes = [4, 4]
  // CHECK-NEXT{LITERAL}: [0.1875, -0.09375, -1.17188, 0.234375]
  // CHECK-NEXT{LITERAL}: [-2.68034, 0.613606, 1.85777, -0.468429]
  // CHECK-NEXT{LITERAL}: [0.911923, -0.696399, -18.0094, 4.50842]
  // CHECK-NEXT{LITERAL}: [1.45312, -1.9375, -0.484375, 1.21094]

  %batch1 = call @decode() : () -> !mica.batch
  %d0, %d1, %d2, %d3 = call @step(%batch1, %p0, %p1, %p2, %p3, %c3, %c3) : (!mica.batch, !conv, !ssm, !ssm, !ssm, index, index) -> (!conv, !ssm, !ssm, !ssm)
  // short_conv, decode
  // CHECK: sizes = [3, 3]
  // CHECK-NEXT{LITERAL}: [1.5, -2.5, 1.3125]
  // CHECK-NEXT{LITERAL}: [-0.375, -0.0625, 0.3125]
  // CHECK-NEXT{LITERAL}: [-0.9375, -2.5, -0.3125]
  // ssm_scan, decode
  // CHECK: sizes = [3, 4]
  // CHECK-NEXT{LITERAL}: [1.16585, -0.74479, -0.017366, 1.63487]
  // CHECK-NEXT{LITERAL}: [0.654864, -1.58795, -0.14676, 0.829982]
  // CHECK-NEXT{LITERAL}: [-0.0548261, 3.9038, -0.367267, 2.06546]
  // gated_delta per head, decode
  // CHECK: sizes = [3, 4]
  // CHECK-NEXT{LITERAL}: [-1.54752, 0.0790148, -644.879, 140.435]
  // CHECK-NEXT{LITERAL}: [1.45319, 0.76033, -5.68608, 12.1918]
  // CHECK-NEXT{LITERAL}: [1.55545, -0.305707, 1.08973, -2.34299]
  // gated_delta per column, decode
  // CHECK: sizes = [3, 4]
  // CHECK-NEXT{LITERAL}: [-0.913783, 1.84749, -49.379, 12.6307]
  // CHECK-NEXT{LITERAL}: [1.37794, 0.860667, -2.15358, 3.36051]
  // CHECK-NEXT{LITERAL}: [5.53599, 0.0975868, 8.37012, -15.6002]
  return
}
