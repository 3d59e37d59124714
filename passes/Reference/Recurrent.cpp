//===- Recurrent.cpp - Reference: short_conv, ssm_scan, gated_delta -------===//

#include "passes/Reference/Patterns.h"

using namespace mlir;
using namespace mica;
using namespace mica::reference;

namespace {

/// Zeroes the state of sequence s if p, the index of a row, is the first.
void begin(Loops &l, const State &state, Value s, Value p) {
  Value one = l.index(1);
  l.forRange(l.index(0), l.sub(one, l.min(p, one)), [&](Value) {
    SmallVector<Value> sizes;
    int64_t rank = cast<MemRefType>(state.buffer.getType()).getRank();
    for (int64_t d = 2; d < rank; ++d)
      sizes.push_back(l.size(state.buffer, d));
    l.forEach(sizes, [&](ArrayRef<Value> at) {
      SmallVector<Value> place = {state.layer, s};
      llvm::append_range(place, at);
      l.store(l.number(0), state.buffer, place);
    });
  });
}

Value exp(Loops &l, Value x) { return math::ExpOp::create(l.b, l.loc, x); }

/// log(1 + exp(x)).
Value softplus(Loops &l, Value x) {
  Value zero = l.number(0), magnitude = l.max(x, l.sub(zero, x));
  Value rest =
      math::Log1pOp::create(l.b, l.loc, exp(l, l.sub(zero, magnitude)));
  return l.add(l.max(x, zero), rest);
}

struct ShortConv : Lowering<ShortConvOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(ShortConvOp op, OneToNOpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    State state(operands.getState());
    Value input = operands.getInput().front();
    Value weight = operands.getWeight().front();
    Value result = l.allocRows(
        typeConverter->convertType(op.getResult().getType()), input);
    Value before = l.size(state.buffer, 2), zero = l.index(0);
    forRows(l, Batch(operands.getBatch()), [&](Value s, Value m, Value p) {
      begin(l, state, s, p);
      l.forRange(zero, l.size(input, 1), [&](Value c) {
        Value x = l.load(input, {m, c});
        Value sum = l.sum(zero, before, [&](Value j) {
          return l.mul(l.load(state.buffer, {state.layer, s, j, c}),
                       l.load(weight, {j, c}));
        });
        sum = l.add(sum, l.mul(x, l.load(weight, {before, c})));
        if (op.getBias())
          sum = l.add(sum, l.load(operands.getBias().front(), c));
        l.store(sum, result, {m, c});
        Value last = l.sub(before, l.index(1));
        l.forRange(zero, last, [&](Value j) {
          Value next =
              l.load(state.buffer, {state.layer, s, l.add(j, l.index(1)), c});
          l.store(next, state.buffer, {state.layer, s, j, c});
        });
        l.store(x, state.buffer, {state.layer, s, last, c});
      });
    });
    b.replaceOpWithMultiple(op, {ValueRange(result), operands.getState()});
    return success();
  }
};

/// What one row does to one value column of one head's state.
struct Column {
  Loops &l;
  const State &state;
  Value s, h, column;
  function_ref<Value(Value)> decay, key, query; // of key column i
  Value value, beta;
  bool isDelta; // Whether what the state says of the key is taken off `value`.

  /// Updates the state; returns the result.
  Value step() {
    Value zero = l.index(0), width = l.size(state.buffer, 3);
    auto place = [&](Value i) {
      return SmallVector<Value>{state.layer, s, h, i, column};
    };
    auto load = [&](Value i) { return l.load(state.buffer, place(i)); };
    l.forRange(zero, width, [&](Value i) {
      l.store(l.mul(decay(i), load(i)), state.buffer, place(i));
    });
    Value added = value;
    if (isDelta)
      added = l.sub(value, l.sum(zero, width, [&](Value i) {
        return l.mul(load(i), key(i));
      }));
    added = l.mul(beta, added);
    l.forRange(zero, width, [&](Value i) {
      l.store(l.add(load(i), l.mul(key(i), added)), state.buffer, place(i));
    });
    return l.sum(zero, width,
                 [&](Value i) { return l.mul(load(i), query(i)); });
  }
};

/// Element i of the group of `rows` that head h of `heads` takes, `width` wide.
Value ofHead(Loops &l, Value rows, Value m, Value h, int64_t heads,
             int64_t width, Value i) {
  int64_t groups = cast<MemRefType>(rows.getType()).getDimSize(1) / width;
  Value group = l.div(h, l.index(heads / groups));
  return l.load(rows, {m, l.add(l.mul(group, l.index(width)), i)});
}

struct SSMScan : Lowering<SSMScanOp> {
  using OpConversionPattern::OpConversionPattern;

  /// softplus(time + bias) of head h of row m, within its bounds.
  static Value timeStep(Loops &l, SSMScanOp op, Value time, Value bias, Value m,
                        Value h) {
    Value dt = softplus(l, l.add(l.load(time, {m, h}), l.load(bias, h)));
    dt = l.max(dt, l.number(op.getLeast().convertToDouble()));
    if (!op.getMost())
      return dt;
    Value zero = l.number(0), most = l.number(op.getMost()->convertToDouble());
    return l.sub(zero, l.max(l.sub(zero, dt), l.sub(zero, most)));
  }

  LogicalResult matchAndRewrite(SSMScanOp op, OneToNOpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    State state(operands.getState());
    Value input = operands.getInput().front();
    Value keys = operands.getKey().front(),
          queries = operands.getQuery().front();
    Value result = l.allocRows(
        typeConverter->convertType(op.getResult().getType()), input);
    ArrayRef<int64_t> shape = op.getState().getType().getShape();
    Value heads = l.index(shape[0]), width = l.index(shape[2]);
    forRows(l, Batch(operands.getBatch()), [&](Value s, Value m, Value p) {
      begin(l, state, s, p);
      l.forEach({heads, width}, [&](ArrayRef<Value> at) {
        Value h = at[0], c = l.add(l.mul(h, width), at[1]), zero = l.number(0);
        Value dt = timeStep(l, op, operands.getTime().front(),
                            operands.getTimeBias().front(), m, h);
        Value rate = l.load(operands.getALog().front(), h);
        if (!op.getRates())
          rate = l.sub(zero, exp(l, rate));
        Value factor = exp(l, l.mul(dt, rate));
        auto decay = [&](Value) { return factor; };
        auto key = [&](Value i) {
          return ofHead(l, keys, m, h, shape[0], shape[1], i);
        };
        auto query = [&](Value i) {
          return ofHead(l, queries, m, h, shape[0], shape[1], i);
        };
        Value x = l.load(input, {m, c});
        Value y = Column{l,
                         state,
                         s,
                         h,
                         at[1],
                         decay,
                         key,
                         query,
                         x,
                         dt,
                         /*isDelta=*/false}
                      .step();
        Value skip = l.load(operands.getSkip().front(), h);
        l.store(l.add(y, l.mul(skip, x)), result, {m, c});
      });
    });
    b.replaceOpWithMultiple(op, {ValueRange(result), operands.getState()});
    return success();
  }
};

struct GatedDelta : Lowering<GatedDeltaOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(GatedDeltaOp op, OneToNOpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    State state(operands.getState());
    Value values = operands.getValue().front();
    Value decays = operands.getDecay().front();
    Value keys = operands.getKey().front(),
          queries = operands.getQuery().front();
    Value result = l.allocRows(
        typeConverter->convertType(op.getResult().getType()), values);
    ArrayRef<int64_t> shape = op.getState().getType().getShape();
    Value heads = l.index(shape[0]), width = l.index(shape[2]);
    bool perHead = columnsOf(op.getDecay()) == shape[0];
    forRows(l, Batch(operands.getBatch()), [&](Value s, Value m, Value p) {
      begin(l, state, s, p);
      l.forEach({heads, width}, [&](ArrayRef<Value> at) {
        Value h = at[0], c = l.add(l.mul(h, width), at[1]);
        auto decay = [&](Value i) {
          Value column = perHead ? h : l.add(l.mul(h, l.index(shape[1])), i);
          return exp(l, l.load(decays, {m, column}));
        };
        auto key = [&](Value i) {
          return ofHead(l, keys, m, h, shape[0], shape[1], i);
        };
        auto query = [&](Value i) {
          return ofHead(l, queries, m, h, shape[0], shape[1], i);
        };
        Value beta = l.load(operands.getBeta().front(), {m, h});
        Value y = Column{l,    state,           s,
                         h,    at[1],           decay,
                         key,  query,           l.load(values, {m, c}),
                         beta, /*isDelta=*/true}
                      .step();
        l.store(y, result, {m, c});
      });
    });
    b.replaceOpWithMultiple(op, {ValueRange(result), operands.getState()});
    return success();
  }
};

} // namespace

void mica::reference::populateRecurrent(TypeConverter &converter,
                                        RewritePatternSet &patterns) {
  patterns.add<ShortConv, SSMScan, GatedDelta>(converter,
                                               patterns.getContext());
}
