//===- LlamaDriver.cpp - llama.cpp and ik_llama.cpp as engines ------------===//
//
// Compiled against the headers and libraries that come with the packages
// llama-cpp-python and ik-llama-cpp-python (-DIK for the latter, whose interface
// differs a little). FLASH=1 in the environment turns flash attention on.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "benchmarks/Driver.h"
#include "llama.h"

#include <cstdlib>

namespace {

[[noreturn]] void fail(const char *what) {
  std::fprintf(stderr, "llama.cpp: cannot %s\n", what);
  std::exit(1);
}

class LlamaEngine : public Engine {
public:
  explicit LlamaEngine(llama_context *context) : context(context) {
    batch = llama_batch_init(kBatch, 0, 1);
  }
  ~LlamaEngine() override { llama_batch_free(batch); }

  void setDepth(const std::vector<int32_t> &tokens) override {
    depth = 0;
    rewind();
    append(tokens, kBatch);
    depth = tokens.size();
  }
  void prefill(const std::vector<int32_t> &tokens) override {
    append(tokens, kBatch);
  }
  void decode(const std::vector<int32_t> &tokens) override {
    append(tokens, 1);
  }
  void rewind() override {
#ifdef IK
    llama_kv_cache_seq_rm(context, 0, depth, -1);
#else
    llama_memory_seq_rm(llama_get_memory(context), 0, depth, -1);
#endif
    position = depth;
  }

private:
  static constexpr uint32_t kBatch = 512;

  void append(const std::vector<int32_t> &tokens, uint32_t most) {
    for (size_t at = 0; at < tokens.size(); at += batch.n_tokens) {
      batch.n_tokens = std::min<size_t>(most, tokens.size() - at);
      for (int32_t i = 0; i < batch.n_tokens; ++i) {
        batch.token[i] = tokens[at + i];
        batch.pos[i] = position++;
        batch.n_seq_id[i] = 1;
        batch.seq_id[i][0] = 0;
        batch.logits[i] = i + 1 == batch.n_tokens;
      }
      if (llama_decode(context, batch))
        fail("decode");
      llama_synchronize(context);
    }
  }

  llama_context *context;
  llama_batch batch;
  uint32_t depth = 0, position = 0;
};

} // namespace

int main(int argc, char **argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: LlamaDriver MODEL.gguf THREADS CONTEXT\n");
    return 2;
  }
  const char *flash = std::getenv("FLASH");
  bool useFlash = flash && *flash == '1';
  llama_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
  llama_backend_init();
  llama_context_params params = llama_context_default_params();
  params.n_ctx = std::atoi(argv[3]);
  params.n_batch = params.n_ubatch = 512;
  params.n_threads = params.n_threads_batch = std::atoi(argv[2]);
#ifdef IK
  params.flash_attn = useFlash;
#else
  params.flash_attn_type =
      useFlash ? LLAMA_FLASH_ATTN_TYPE_ENABLED : LLAMA_FLASH_ATTN_TYPE_DISABLED;
#endif
  llama_model *model =
      llama_model_load_from_file(argv[1], llama_model_default_params());
  llama_context *context =
      model ? llama_init_from_model(model, params) : nullptr;
  if (!context)
    fail("load the model");
  LlamaEngine engine(context);
  return serve(engine, llama_vocab_n_tokens(llama_model_get_vocab(model)));
}
