//===- Latent.cpp - Reference: attention over a latent --------------------===//

#include "passes/Reference/Patterns.h"

using namespace mlir;
using namespace mica;
using namespace mica::reference;

namespace {

/// Keys and values of all heads, made of the latent, rounded to f32; attention
/// over these.
struct LatentAttention : Lowering<LatentAttentionOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(LatentAttentionOp op, OneToNOpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    int64_t heads = op.getHeads(), nope = op.getNope();
    KVType kv = op.getKv().getType();
    auto expanded = KVType::get(b.getContext(), heads, nope + op.getRope(),
                                op.getValues().getType().rows(), b.getF32Type(),
                                kv.getPage(), kv.getWindow());
    Cache made(expand(l, op, operands, expanded));
    Value cache =
        UnrealizedConversionCastOp::create(
            b, l.loc, expanded, ValueRange{made.key, made.value, made.layer})
            .getResult(0);
    b.replaceOpWithNewOp<AttentionOp>(op, op.getType(), op.getInput(), cache,
                                      op.getBatch(), b.getI64IntegerAttr(heads),
                                      op.getScaleAttr(), op.getMask(),
                                      b.getF32FloatAttr(0));
    return success();
  }

private:
  /// The buffers of a cache of type `kv`, one layer, filled for every token.
  SmallVector<Value> expand(Loops &l, LatentAttentionOp op,
                            OneToNOpAdaptor operands, KVType kv) const {
    SmallVector<Type> types;
    [[maybe_unused]] LogicalResult done =
        getTypeConverter()->convertType(kv, types);
    assert(succeeded(done) && "a cache is buffers");
    Cache from(operands.getKv());
    Batch batch(operands.getBatch());
    Value one = l.index(1), heads = l.index(kv.getHeads());
    auto alloc = [&](Type type, int64_t width) {
      return l.alloc(type, {one, l.size(from.key, 1), l.size(from.key, 2),
                            heads, l.index(width)});
    };
    SmallVector<Value> made = {alloc(types[0], kv.getKey()),
                               alloc(types[1], kv.getValue()), l.index(0)};
    l.forEach({l.size(from.key, 1), heads}, [&](ArrayRef<Value> at) {
      l.forRange(l.index(0), l.load(batch.length, at[0]), [&](Value n) {
        Token token = {l, from, Cache(made), at[0], at[1], n, op.getRank()};
        token.multiply(operands.getKeys().front(), /*values=*/false);
        token.copyShared(op.getNope(), op.getRope());
        token.multiply(operands.getValues().front(), /*values=*/true);
      });
    });
    return made;
  }

  /// Token n of sequence s, as head h sees it.
  struct Token {
    Loops &l;
    Cache from, to;
    Value s, h, n;
    int64_t rank;

    /// to[s, n, h, i] = sum_j weight[h, i, j] * c[j]; of keys weight[h, j, i]
    void multiply(Value weight, bool values) {
      Value latent = values ? from.value : from.key, zero = l.index(0);
      l.forRange(zero, l.size(weight, values ? 1 : 2), [&](Value i) {
        Value y = l.sum(zero, l.index(rank), [&](Value j) {
          return l.mul(l.load(weight, {h, values ? i : j, values ? j : i}),
                       l.load(latent, {from.layer, s, n, zero, j}));
        });
        l.store(y, values ? to.value : to.key, {to.layer, s, n, h, i});
      });
    }

    /// What all heads share of the key, behind the first `nope` columns.
    void copyShared(int64_t nope, int64_t rope) {
      Value zero = l.index(0);
      l.forRange(zero, l.index(rope), [&](Value i) {
        Value place = l.add(l.index(rank), i);
        l.store(l.load(from.key, {from.layer, s, n, zero, place}), to.key,
                {to.layer, s, n, h, l.add(l.index(nope), i)});
      });
    }
  };
};

/// result[m, h, n] = sum_k input[m, h, k] * weight[h, n, k], the rest as it is
struct HeadLinear : Lowering<HeadLinearOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(HeadLinearOp op, OpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Value input = operands.getInput(), weight = operands.getWeight();
    Value result = l.allocRows(typeConverter->convertType(op.getType()), input);
    int64_t heads = op.getWeight().getType().parts();
    Value from = l.index(columnsOf(op.getInput()) / heads);
    Value to = l.index(columnsOf(op.getResult()) / heads);
    Value outputs = l.index(op.getOutputs()), terms = l.index(op.getTerms());
    l.forEach({l.size(input, 0), l.index(heads)}, [&](ArrayRef<Value> at) {
      Value m = at[0], h = at[1];
      auto element = [&](Value k) {
        return l.load(input, {m, l.add(l.mul(h, from), k)});
      };
      auto store = [&](Value y, Value n) {
        l.store(y, result, {m, l.add(l.mul(h, to), n)});
      };
      l.forRange(l.index(0), outputs, [&](Value n) {
        store(l.sum(l.index(0), terms,
                    [&](Value k) {
                      return l.mul(element(k), l.load(weight, {h, n, k}));
                    }),
              n);
      });
      l.forRange(outputs, to, [&](Value n) {
        store(element(l.add(terms, l.sub(n, outputs))), n);
      });
    });
    b.replaceOp(op, result);
    return success();
  }
};

} // namespace

void mica::reference::populateLatent(TypeConverter &converter,
                                     RewritePatternSet &patterns) {
  patterns.add<LatentAttention, HeadLinear>(converter, patterns.getContext());
}
