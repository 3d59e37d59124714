// The order of passes in each stage. A change here is a change of design: say
// why in the commit message.
//
// RUN: mica-opt %S/llama.mlir -mica-graph -dump-pass-pipeline 2>&1 | FileCheck %s --check-prefix=GRAPH
// GRAPH:       builtin.module(
// GRAPH-NEXT:    mica-name-ops
// GRAPH-NEXT:    canonicalize
// GRAPH-NEXT:    mica-absorb-latent
// GRAPH-NEXT:    mica-quantize-activations
// GRAPH-NEXT:    cse
// GRAPH-NEXT:  )

// RUN: mica-opt %S/llama.mlir -mica-graph -o %t.0
// RUN: mica-opt %t.0 -mica-group -dump-pass-pipeline 2>&1 | FileCheck %s --check-prefix=GROUP
// GROUP:       builtin.module(
// GROUP-NEXT:    mica-merge-linears
// GROUP-NEXT:    mica-sort-choices
// GROUP-NEXT:    mica-form-groups
// GROUP-NEXT:    mica-choose-layouts
// GROUP-NEXT:    mica-hoist-packs
// GROUP-NEXT:    mica-merge-layers
// GROUP-NEXT:    mica-plan-workspace
// GROUP-NEXT:  )

// RUN: mica-opt %t.0 -mica-group -o %t.1
// RUN: mica-opt %t.1 -mica-kernels -dump-pass-pipeline 2>&1 | FileCheck %s --check-prefix=KERNELS
// KERNELS:       builtin.module(
// KERNELS-NEXT:    mica-lower-groups
// KERNELS-NEXT:    canonicalize
// KERNELS-NEXT:    cse
// KERNELS-NEXT:  )

// RUN: mica-opt %s -mica-cpu -dump-pass-pipeline 2>&1 | FileCheck %s --check-prefix=CPU
// CPU:       builtin.module(
// CPU-NEXT:    mica-assign-schedules
// CPU-NEXT:    func.func(
// CPU-NEXT:      mica-map-to-workers
// CPU-NEXT:    )
// CPU-NEXT:    mica-record-instructions
// CPU-NEXT:    func.func(
// CPU-NEXT:      mica-lower-segments
// CPU-NEXT:    )
// CPU-NEXT:    func.func(
// CPU-NEXT:      mica-expand-math
// CPU-NEXT:    )
// CPU-NEXT:    canonicalize
// CPU-NEXT:    cse
// CPU-NEXT:    convert-scf-to-cf
// CPU-NEXT:    expand-strided-metadata
// CPU-NEXT:    lower-affine
// CPU-NEXT:    mica-convert-to-llvm
// CPU-NEXT:    reconcile-unrealized-casts
// CPU-NEXT:    cse
// CPU-NEXT:    mica-verify-no-external
// CPU-NEXT:  )

module attributes {mica.target = #mica.target<cpu = "x86-64-v4", features = "", vector_bits = 512, panel = 16, max_granule = 256, dot = []>, tile.slots = 0 : i64, tile.worker_bytes = 0 : i64} {}
