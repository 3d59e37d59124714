// RUN: mica-opt %s | mica-opt | FileCheck %s

// CHECK-LABEL: func @ngram_embedding
func.func @ngram_embedding(%batch: !mica.batch, %table: !mica.weight<1000x64, f32>) -> (tensor<?x64xf32>) {
  // CHECK: mica.ngram_embedding %{{.*}}, %{{.*}} {multiplier = 31 : i64, n = 3 : i64} : <1000x64, f32> -> tensor<?x64xf32>
  %e = mica.ngram_embedding %batch, %table {n = 3 : i64, multiplier = 31 : i64} : !mica.weight<1000x64, f32> -> tensor<?x64xf32>
  return %e : tensor<?x64xf32>
}
