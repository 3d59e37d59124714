// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @output_rows_c1(%x: tensor<?x64xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.output_rows' op expects result to have 64 columns, but got 32}}
  %y = mica.output_rows %x, %batch : tensor<?x64xf32> -> tensor<?x32xf32>
  return
}

// -----

// The columns of rows are known when compiling.
func.func @output_rows_dynamic_columns(%x: tensor<?x?xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.output_rows' op operand #0 must be rows of f32, bf16 or f16 with a static number of columns, but got 'tensor<?x?xf32>'}}
  %y = mica.output_rows %x, %batch : tensor<?x?xf32> -> tensor<?x32xf32>
  return
}

// -----

func.func @output_rows_c2(%x: tensor<?x64xf32>, %batch: !mica.batch) {
  // expected-error@below {{'mica.output_rows' op expects result to have elements of 'f32', but got 'bf16'}}
  %y = mica.output_rows %x, %batch : tensor<?x64xf32> -> tensor<?x64xbf16>
  return
}
