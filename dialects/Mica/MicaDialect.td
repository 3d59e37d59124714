//===- MicaDialect.td - The mica dialect --------------------*- tablegen -*-===//

#ifndef DIALECTS_MICA_MICADIALECT_TD
#define DIALECTS_MICA_MICADIALECT_TD

include "mlir/IR/OpBase.td"

def Mica_Dialect : Dialect {
  let name = "mica";
  let cppNamespace = "::mica";
  let dependentDialects = ["::mica::tile::TileDialect"];
  let summary = "Language-model inference on tensors";
  let description = [{
    The `mica` dialect says what a language model computes, one op per model
    concept: tokens, normalisation, linear layers, rotary positions, attention
    and access to the KV cache. All ops are on tensors with value semantics,
    the cache included; rows of a tensor are the rows of the step (its ragged
    batch). Nothing here mentions tiles, threads or memory: that is the
    `tile` dialect. See `docs/architecture.md` for the stages.
  }];
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = [{
    void registerAttributes();
    void registerTypes();
  }];
  let useDefaultTypePrinterParser = 1;
}

class Mica_Op<string mnemonic, list<Trait> traits = []>
    : Op<Mica_Dialect, mnemonic, traits>;

#endif // DIALECTS_MICA_MICADIALECT_TD
