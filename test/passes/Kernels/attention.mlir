// What `tile.attend` looks like for four heads of 24 over two kv-heads: rope,
// append and attention of one layer, as stage 2 leaves them.
//
// RUN: mica-opt %S/../llama.mlir -mica-graph -mica-group -mica-kernels | FileCheck %s

// The key's epilogue sees one head: it turns it and stores it at the row's slot.
// CHECK: tile.phase "qkv"
// CHECK: tile.contract %{{.*}}, %{{.*}} columns 48 granule 24 captures(
// CHECK: ^bb0(%[[K:.*]]: vector<24xf32>, %[[M:.*]]: index, %[[N:.*]]: index, %[[ANGLES:.*]]: memref<?x2x16xf32>, %[[SLOTS:.*]]: memref<?xi32>, %[[POOL:[a-z0-9]+]]: {{.*}}, %[[LAYER:.*]]: index):
// CHECK:   %[[COS:.*]] = tile.load %[[ANGLES]][%[[M]], %c0{{.*}}, %c0{{.*}}] along [2] : memref<?x2x16xf32>, vector<12xf32>
// CHECK:   %[[SIN:.*]] = tile.load %[[ANGLES]][%[[M]], %c1{{.*}}, %c0{{.*}}] along [2] : memref<?x2x16xf32>, vector<12xf32>
// CHECK:   %[[A:.*]] = vector.extract_strided_slice %[[K]] {offsets = [0]
// CHECK:   %[[B:.*]] = vector.extract_strided_slice %[[K]] {offsets = [12]
// CHECK:   %[[AC:.*]] = arith.mulf %[[A]], %[[COS]]
// CHECK:   %[[BS:.*]] = arith.mulf %[[B]], %[[SIN]]
// CHECK:   arith.subf %[[AC]], %[[BS]]
// CHECK:   %[[TURNED:.*]] = vector.insert_strided_slice %{{.*}}, %{{.*}} {offsets = [12]
// CHECK:   %[[SLOT:.*]] = memref.load %[[SLOTS]][%[[M]]]
// CHECK:   %[[HEAD:.*]] = arith.divui %[[N]]
// CHECK:   %[[ON:.*]] = arith.cmpi sge, %[[SLOT]]
// CHECK:   scf.if %[[ON]] {
// CHECK:     tile.store %[[TURNED]], %[[POOL]][%{{.*}}, %[[LAYER]], %[[HEAD]], %{{.*}}, %c0{{.*}}, %{{.*}}, %c0{{.*}}] along [4, 6]
// CHECK:   }

// CHECK: tile.phase "attention"
// CHECK: tile.attend %{{.*}} layer(%{{.*}}) tasks(%{{.*}}) pages(%{{.*}}) heads 4 key 24 value 24 scale 2.000000e-01
// CHECK-SAME: bounds {
// CHECK: ^bb0(%[[ROW:.*]]: index, %[[POSITIONS:.*]]: memref<?xi32>, %{{.*}}: memref<?x96xbf16>):
// CHECK:   %[[P:.*]] = memref.load %[[POSITIONS]][%[[ROW]]]
// CHECK:   %[[PI:.*]] = arith.index_cast %[[P]]
// CHECK:   %[[HI:.*]] = arith.addi %[[PI]], %c1
// CHECK:   tile.yield %c0{{.*}}, %[[HI]], %[[HI]] : index, index, index
// CHECK: } mask {
// CHECK: } score {
// CHECK: } output {
// CHECK: ^bb0(%[[O:.*]]: vector<24xf32>, %[[OM:.*]]: index, %[[ON2:.*]]: index, %{{.*}}: memref<?xi32>, %[[OUT:.*]]: memref<?x96xbf16>):
// CHECK:   tile.store %[[O]], %[[OUT]][%[[OM]], %[[ON2]]] along [1]
// CHECK:   tile.yield
// CHECK: }
