// RUN: mica-opt %s -split-input-file -verify-diagnostics

// expected-error@below {{expects a file, a first row and rows to take, but got 0, -1 and 1024}}
func.func private @source_c1() attributes {mica.value = #mica.source<file = 0, tensor = "blk.0.attn_q.weight", first = -1, rows = 1024, transposed = false, permuted = 0>}

// -----

// expected-error@below {{expects permuted to divide 1024 rows into heads of an even size, but got 3}}
func.func private @source_c2() attributes {mica.value = #mica.source<file = 0, tensor = "blk.0.attn_q.weight", first = 0, rows = 1024, transposed = false, permuted = 3>}

// -----

// expected-error@below {{expects run to divide 1024 rows that are not permuted, and a stride of at least run, but got 100 and 200}}
func.func private @source_c3() attributes {mica.value = #mica.source<file = 0, tensor = "blk.0.attn_q.weight", first = 0, rows = 1024, transposed = false, permuted = 0, run = 100, stride = 200>}

// -----

// expected-error@below {{expects run to divide 1024 rows that are not permuted, and a stride of at least run, but got 64 and 32}}
func.func private @source_c3_stride() attributes {mica.value = #mica.source<file = 0, tensor = "blk.0.attn_q.weight", first = 0, rows = 1024, transposed = false, permuted = 0, run = 64, stride = 32>}

// -----

// expected-error@below {{expects 0 or more parts, but got -1}}
func.func private @source_c4() attributes {mica.value = #mica.source<file = 0, tensor = "experts.{}", first = 0, rows = 64, transposed = false, permuted = 0, parts = -1>}

// -----

// expected-error@below {{expects a first column and a step of 0 or more, but got 1 and -2}}
func.func private @source_c5() attributes {mica.value = #mica.source<file = 0, tensor = "bias", first = 0, rows = 64, transposed = false, permuted = 0, first_column = 1, column_step = -2>}

// -----

// expected-error@below {{expects adjacent columns of what is transposed, but got a step of 2}}
func.func private @source_c5_transposed() attributes {mica.value = #mica.source<file = 0, tensor = "up", first = 0, rows = 64, transposed = true, permuted = 0, column_step = 2>}

// -----

// expected-error@below {{expects a step of 0 or more between parts, but got 8 for 0 parts}}
func.func private @source_c6() attributes {mica.value = #mica.source<file = 0, tensor = "up", first = 0, rows = 64, transposed = false, permuted = 0, part_step = 8>}
