//===- ModelFlags.cpp - Options that say what is computed -----------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica/ModelFlags.h"

using namespace mica;

void mica::addModelFlags(CLI::App &app, CompileOptions &o) {
  app.add_option("--dtype", o.dtype,
                 "f32, bf16 or f16 for float weights and the cache (the "
                 "checkpoint's, bf16 beside block formats)");
  app.add_option("--quant", o.quant,
                 "Quantize matrices: a format (q8_0, q4_0, q4_k, w4g128 ...), "
                 "or rules by tensor: 'q4_k,*down*=q6_k'");
  app.add_option("--activations", o.activations,
                 "int8, bf16 or f32: how activations enter products (int8 for "
                 "block formats)");
  app.add_option("--kv", o.kv,
                 "f32, bf16, f16, int8 or int4 for the cache (as --dtype)");
  app.add_option("--max-context", o.maxContext,
                 "Positions of a sequence at most (the model's)");
  app.add_option("--page", o.page, "Tokens of a cache page")
      ->check(CLI::IsMember({16, 32, 64}))
      ->capture_default_str();
  app.add_option("--max-rows", o.maxRows, "Rows of a step at most")
      ->capture_default_str();
}
