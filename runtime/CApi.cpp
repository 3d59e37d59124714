//===- CApi.cpp - The C interface of the runtime --------------------------===//
//
// include/mica-c/mica.h on include/mica/Model.h. No exception leaves it; what a
// model's handles share is freed with the last of them.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/CApiParts.h"

#include <dlfcn.h>

using namespace mica;
using namespace mica::capi;

struct mica_sequence {
  std::shared_ptr<Loaded> loaded; // Outlives the sequence.
  Sequence sequence;
};
struct mica_detokenizer {
  std::shared_ptr<Loaded> loaded;
  Detokenizer detokenizer;
  std::string text;
};

/// Fills in what a caller's structure has room for.
template <class T> static mica_status writeResult(T value, T *result) {
  if (!result || result->size < sizeof(size_t))
    return invalid("result without its size, expected the structure's sizeof");
  value.size = result->size;
  std::memcpy(result, &value, std::min(result->size, sizeof(T)));
  return MICA_OK;
}

/// Copies to a buffer of the caller's, or says how large it must be.
template <class T, class Range>
static mica_status copyOut(const Range &range, T *to, size_t capacity,
                           size_t *count) {
  *count = range.size();
  if (range.size() > capacity)
    return fail(MICA_SMALL, "buffer of " + std::to_string(capacity) +
                                ", expected " + std::to_string(range.size()));
  std::copy(range.begin(), range.end(), to);
  return MICA_OK;
}

static mica_status checkIds(const Loaded &loaded, const int32_t *ids,
                            size_t count) {
  if (count && !ids)
    return invalid("no ids, expected an array");
  for (size_t i = 0; i < count; ++i)
    if (ids[i] < 0 || uint32_t(ids[i]) >= loaded.model.info().vocab)
      return fail(MICA_INVALID, "id " + std::to_string(ids[i]) +
                                    ", expected one below " +
                                    std::to_string(loaded.model.info().vocab));
  return MICA_OK;
}

uint32_t mica_version(void) { return MICA_C_MAJOR << 16 | MICA_C_MINOR; }

const char *mica_last_error(void) { return lastError.c_str(); }

//===----------------------------------------------------------------------===//
// Models
//===----------------------------------------------------------------------===//

/// The file that this code lies in.
static std::string ownFile() {
  Dl_info info;
  void *here = reinterpret_cast<void *>(&mica_version);
  return dladdr(here, &info) && info.dli_fname ? info.dli_fname : "";
}

mica_status mica_model_load(const char *path, const mica_load_options *given,
                            mica_model **result) {
  return guarded([&] {
    mica_load_options o;
    if (!result || !readOptions(given, o))
      return invalid("load options or result, expected known ones");
    *result = nullptr;
    std::string file = path ? path : ownFile();
    auto model = Model::load(file, {.threads = o.threads,
                                    .kvTokens = o.kv_tokens,
                                    .sequences = std::max(o.sequences, 1u)});
    if (!model)
      return fail(model.error());
    auto loaded =
        std::make_shared<Loaded>(Loaded{std::move(*model), std::nullopt});
    if (auto tables = std::as_bytes(loaded->model.tokenizer());
        !tables.empty()) {
      auto tokenizer = Tokenizer::create(tables);
      if (!tokenizer)
        return fail({file + ": " + tokenizer.error().message});
      loaded->tokenizer = std::move(*tokenizer);
    }
    *result = new mica_model{std::move(loaded)};
    return MICA_OK;
  });
}

void mica_model_free(mica_model *model) { delete model; }

mica_status mica_model_get_info(const mica_model *model,
                                mica_model_info *result) {
  return guarded([&] {
    if (!model)
      return invalid("no model, expected one");
    const Loaded &loaded = *model->loaded;
    const ModelInfo &info = loaded.model.info();
    return writeResult<mica_model_info>(
        {0, info.vocab, info.maxContext, info.maxRows, info.layers,
         info.parameters, loaded.model.threads(),
         loaded.tokenizer ? loaded.tokenizer->bos() : -1, info.name.c_str()},
        result);
  });
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

static mica_status checkTokenizer(const mica_model *model) {
  if (!model)
    return invalid("no model, expected one");
  if (!model->loaded->tokenizer)
    return fail(MICA_FAILED, "model without tokenizer, expected one");
  return MICA_OK;
}

mica_status mica_encode(const mica_model *model, const char *text,
                        size_t length, uint32_t flags, int32_t *ids,
                        size_t capacity, size_t *count) {
  return guarded([&] {
    if (mica_status status = checkTokenizer(model))
      return status;
    if (!count || (length && !text) || (capacity && !ids))
      return invalid("text, ids or count is NULL");
    auto found = model->loaded->tokenizer->encode(
        {text, length}, {.addSpecial = (flags & MICA_ADD_SPECIAL) != 0,
                         .parseSpecial = (flags & MICA_PARSE_SPECIAL) != 0});
    return copyOut(found, ids, capacity, count);
  });
}

mica_status mica_decode(const mica_model *model, const int32_t *ids,
                        size_t count, uint32_t flags, char *text,
                        size_t capacity, size_t *length) {
  return guarded([&] {
    if (mica_status status = checkTokenizer(model))
      return status;
    if (!length || (capacity && !text))
      return invalid("text or length is NULL");
    if (mica_status status = checkIds(*model->loaded, ids, count))
      return status;
    return copyOut(model->loaded->tokenizer->decode(
                       {ids, count}, (flags & MICA_SHOW_SPECIAL) != 0),
                   text, capacity, length);
  });
}

int32_t mica_is_end(const mica_model *model, int32_t id) {
  return model && model->loaded->tokenizer &&
         model->loaded->tokenizer->isEos(id);
}

mica_status mica_detokenizer_create(const mica_model *model, uint32_t flags,
                                    mica_detokenizer **result) {
  return guarded([&] {
    if (mica_status status = checkTokenizer(model))
      return status;
    if (!result)
      return invalid("no place for the detokenizer, expected one");
    *result = new mica_detokenizer{
        model->loaded,
        Detokenizer(*model->loaded->tokenizer, true, flags & MICA_SHOW_SPECIAL),
        {}};
    return MICA_OK;
  });
}

void mica_detokenizer_free(mica_detokenizer *detokenizer) {
  delete detokenizer;
}

static mica_status lend(mica_detokenizer &d, std::string text,
                        const char **result, size_t *length) {
  d.text = std::move(text);
  *result = d.text.data();
  *length = d.text.size();
  return MICA_OK;
}

mica_status mica_detokenizer_push(mica_detokenizer *d, int32_t id,
                                  const char **text, size_t *length) {
  return guarded([&] {
    if (!d || !text || !length)
      return invalid("detokenizer, text or length is NULL");
    if (mica_status status = checkIds(*d->loaded, &id, 1))
      return status;
    return lend(*d, d->detokenizer.push(id), text, length);
  });
}

mica_status mica_detokenizer_finish(mica_detokenizer *d, const char **text,
                                    size_t *length) {
  return guarded([&] {
    if (!d || !text || !length)
      return invalid("detokenizer, text or length is NULL");
    return lend(*d, d->detokenizer.finish(), text, length);
  });
}

//===----------------------------------------------------------------------===//
// Sequences and steps
//===----------------------------------------------------------------------===//

mica_status mica_sequence_create(mica_model *model, mica_sequence **result) {
  return guarded([&] {
    if (!model || !result)
      return invalid("model or place for the sequence is NULL");
    *result =
        new mica_sequence{model->loaded, model->loaded->model.createSequence()};
    return MICA_OK;
  });
}

mica_status mica_sequence_fork(const mica_sequence *sequence,
                               mica_sequence **fork) {
  return guarded([&] {
    if (!sequence || !fork)
      return invalid("sequence or place for the fork is NULL");
    *fork = new mica_sequence{sequence->loaded, sequence->sequence.fork()};
    return MICA_OK;
  });
}

void mica_sequence_free(mica_sequence *sequence) { delete sequence; }

uint32_t mica_sequence_length(const mica_sequence *sequence) {
  return sequence ? sequence->sequence.length() : 0;
}

/// Checks that tokens can be appended to a sequence of this model.
static mica_status checkTokens(const mica_model *model,
                               const mica_sequence *sequence,
                               const int32_t *ids, size_t count) {
  if (!model || !sequence || sequence->loaded != model->loaded)
    return invalid("sequence is none of the model's");
  return checkIds(*model->loaded, ids, count);
}

static mica_status lend(Expected<Logits> logits, mica_logits *result) {
  if (!logits)
    return fail(logits.error());
  return writeResult<mica_logits>(
      {0, logits->data, logits->rows, logits->vocab, logits->stride}, result);
}

mica_status mica_model_step(mica_model *model, const mica_request *requests,
                            size_t count, mica_logits *logits) {
  return guarded([&] {
    if (!model || !requests || !count || !logits)
      return invalid("model, requests or logits is NULL");
    std::vector<Request> list;
    auto *bytes = reinterpret_cast<const char *>(requests);
    for (size_t i = 0; i < count; ++i) {
      mica_request r;
      auto *given =
          reinterpret_cast<const mica_request *>(bytes + i * requests->size);
      if (!readOptions(given, r) || r.size != requests->size)
        return invalid("request of another size, expected the structure's");
      if (mica_status s = checkTokens(model, r.sequence, r.tokens, r.count))
        return s;
      list.push_back({&r.sequence->sequence, {r.tokens, r.count}, r.outputs});
    }
    return lend(model->loaded->model.step(list), logits);
  });
}

mica_status mica_model_feed(mica_model *model, mica_sequence *sequence,
                            const int32_t *tokens, size_t count, uint32_t chunk,
                            mica_logits *logits) {
  return guarded([&] {
    if (mica_status status = checkTokens(model, sequence, tokens, count))
      return status;
    return lend(
        model->loaded->model.feed(sequence->sequence, {tokens, count}, chunk),
        logits);
  });
}

//===----------------------------------------------------------------------===//
// Generation
//===----------------------------------------------------------------------===//

mica_status mica_model_generate(mica_model *model, mica_sequence *sequence,
                                const int32_t *prompt, size_t count,
                                mica_sampler *sampler, uint32_t tokens,
                                mica_show show, void *user) {
  return guarded([&] {
    if (mica_status s = checkTokens(model, sequence, prompt, count))
      return s;
    if (!show || !count)
      return invalid("no prompt or no function to show text, expected both");
    Loaded &loaded = *model->loaded;
    std::optional<Detokenizer> text;
    if (loaded.tokenizer)
      text.emplace(*loaded.tokenizer, true);
    auto tell = [&](int32_t token, const std::string &piece) {
      return show(user, token, piece.data(), piece.size()) == 0;
    };
    Sampler best({});
    auto stats = loaded.model.generate(
        sequence->sequence, {prompt, count}, sampler ? sampler->sampler : best,
        {.maxTokens = tokens,
         .endTokens = text ? loaded.tokenizer->eos() : std::vector<int32_t>()},
        [&](int32_t token) {
          return tell(token, text ? text->push(token) : "");
        });
    if (!stats)
      return fail(stats.error());
    if (std::string rest = text ? text->finish() : ""; !rest.empty())
      tell(-1, rest);
    return MICA_OK;
  });
}
