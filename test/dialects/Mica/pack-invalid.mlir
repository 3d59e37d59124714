// RUN: mica-opt %s -split-input-file -verify-diagnostics

func.func @pack_c1(%a: !mica.weight<96x64, f32>, %b: !mica.weight<96x32, f32>) {
  // expected-error@below {{'mica.pack' op expects sources of one shape, but got '!mica.weight<96x64, f32>' and '!mica.weight<96x32, f32>'}}
  %p = mica.pack %a, %b : (!mica.weight<96x64, f32>, !mica.weight<96x32, f32>) -> !mica.weight<192x64, f32>
  return
}

// -----

func.func @pack_c2(%a: !mica.weight<96x64, f32>, %b: !mica.weight<96x64, f32>) {
  // expected-error@below {{'mica.pack' op expects a result of 192 rows and the sources' columns, but got '!mica.weight<96x64, f32>'}}
  %p = mica.pack %a, %b : (!mica.weight<96x64, f32>, !mica.weight<96x64, f32>) -> !mica.weight<96x64, f32>
  return
}

// -----

func.func @pack_c3(%a: !mica.weight<96x64, f32>) {
  // expected-error@below {{'mica.pack' op expects a result of a float type or of the element of all sources, but got '!mica.weight<96x64, #mica.format<"q8_0", 32 x 34>>'}}
  %p = mica.pack %a : (!mica.weight<96x64, f32>) -> !mica.weight<96x64, #mica.format<"q8_0", 32 x 34>>
  return
}

// -----

func.func @pack_c4(%a: !mica.weight<24x64, f32>, %b: !mica.weight<24x64, f32>) {
  // expected-error@below {{'mica.pack' op expects interleave to divide the 24 rows of a source, but got 16}}
  %p = mica.pack %a, %b {interleave = 16} : (!mica.weight<24x64, f32>, !mica.weight<24x64, f32>) -> !mica.weight<48x64, f32>
  return
}

// -----

func.func @pack_c5() {
  // expected-error@below {{'mica.pack' op expects a source, but got none}}
  %p = mica.pack : () -> !mica.weight<48x64, f32>
  return
}
