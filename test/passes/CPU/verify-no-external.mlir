// RUN: mica-opt %s -mica-verify-no-external -split-input-file -verify-diagnostics

// expected-error@below {{'llvm.func' op expects a body, but got the declaration of 'expf'}}
llvm.func @expf(f32) -> f32

// -----

llvm.func @becomes_call(%x: vector<16xf32>) -> vector<16xf32> {
  // expected-error@below {{'llvm.intr.log' op would call a function outside the module}}
  %y = llvm.intr.log(%x) : (vector<16xf32>) -> vector<16xf32>
  llvm.return %y : vector<16xf32>
}

// -----

// expected-error@below {{'llvm.mlir.global' op expects a value, but got the declaration of 'table'}}
llvm.mlir.global external @table() : i32

// -----

llvm.func @alone(%x: vector<16xf32>) -> vector<16xf32> {
  %y = llvm.intr.sqrt(%x) : (vector<16xf32>) -> vector<16xf32>
  llvm.return %y : vector<16xf32>
}
