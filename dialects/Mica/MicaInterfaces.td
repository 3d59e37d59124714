//===- MicaInterfaces.td - Interfaces of mica ops -----------*- tablegen -*-===//

#ifndef DIALECTS_MICA_MICAINTERFACES_TD
#define DIALECTS_MICA_MICAINTERFACES_TD

include "mlir/IR/OpBase.td"

def Mica_RowOpInterface : OpInterface<"RowOpInterface"> {
  let cppNamespace = "::mica";
  let description = [{
    An op that computes each row of its result from the same row of its inputs.
    One formula, `emitRow`, serves the epilogue of a contraction and a pass over
    rows of its own: what differs is the builder it is given.
  }];
  let methods = [
    InterfaceMethod<[{
      The columns of one independent segment: 0 if every column is independent,
      the size of the group a reduction or a shuffle spans otherwise. A value
      equal to the row's columns means the whole row.
    }], "int64_t", "getRowGranule", (ins)>,
    InterfaceMethod<[{
      Whether all that passes between columns is reduced to scalars first, so
      that a whole row can be done segment by segment, in passes.
    }], "bool", "onlyReduces", (ins), "", "return true;">,
    InterfaceMethod<[{
      Emits the formula on one segment. `inputs` holds one row segment for every
      tensor operand, in order; an operand that is a weight is loaded by the
      op through `builder`. Returns the segment of every result.
    }], "::llvm::SmallVector<::mica::tile::Row>", "emitRow",
    (ins "::mica::tile::RowBuilder &":$builder,
         "::llvm::ArrayRef<::mica::tile::Row>":$inputs)>,
  ];
}

def Mica_ProductOpInterface : OpInterface<"ProductOpInterface"> {
  let cppNamespace = "::mica";
  let description = [{
    A product of rows with a weight: `mica.linear`, or `mica.grouped_linear`,
    whose rows chose parts of the weight.
  }];
  let methods = [
    InterfaceMethod<"The rows.", "::mlir::Value", "getInput">,
    InterfaceMethod<"The weight.", "::mlir::TypedValue<::mica::WeightType>",
                    "getWeight">,
    InterfaceMethod<"What is added, or null.",
                    "::mlir::TypedValue<::mica::WeightType>", "getBias">,
    InterfaceMethod<"From how many rows on weights are rounded, if ever.",
                    "::std::optional<uint64_t>", "getRoundWeightsFrom">,
    InterfaceMethod<"Sets it.", "void", "setRoundWeightsFrom",
                    (ins "::std::optional<uint64_t>":$rows)>,
  ];
  let extraClassDeclaration = [{
    /// The result, rows of as many columns as the weight has rows.
    ::mlir::Value getProduct() { return this->getOperation()->getResult(0); }
  }];
}

#endif // DIALECTS_MICA_MICAINTERFACES_TD
