/* Greedy text by single calls, after calls that must fail and change nothing.
 *   calls MODEL PROMPT; an empty MODEL is the one that the library carries */
#include "mica-c/mica.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPECT(condition)                                                      \
  do {                                                                         \
    if (!(condition)) {                                                        \
      fprintf(stderr, "line %d: %s: %s\n", __LINE__, #condition,               \
              mica_last_error());                                              \
      exit(1);                                                                 \
    }                                                                          \
  } while (0)

/* Options of a newer header. */
struct newer {
  mica_load_options known;
  uint64_t unknown;
};

static void test_loading(void) {
  mica_model *model = NULL;
  struct newer options;
  EXPECT(mica_model_load("nothing.mica", NULL, &model) == MICA_FAILED);
  EXPECT(strstr(mica_last_error(), "nothing.mica") && !model);
  EXPECT(mica_model_load("nothing.mica", NULL, NULL) == MICA_INVALID);
  memset(&options, 0, sizeof(options));
  EXPECT(mica_model_load("nothing.mica", &options.known, &model) ==
         MICA_INVALID);
  options.known.size = sizeof(options);
  EXPECT(mica_model_load("nothing.mica", &options.known, &model) ==
         MICA_FAILED);
  options.unknown = 1;
  EXPECT(mica_model_load("nothing.mica", &options.known, &model) ==
         MICA_INVALID);
  mica_model_free(NULL);
}

static void test_info(const mica_model *model) {
  mica_model_info info;
  memset(&info, 0xff, sizeof(info));
  info.size = sizeof(info);
  EXPECT(!mica_model_get_info(model, &info));
  EXPECT(info.vocab > 0 && info.threads > 0 && strlen(info.name) > 0);
  memset(&info, 0xff, sizeof(info));
  info.size = offsetof(mica_model_info, max_context); /* an older program */
  EXPECT(!mica_model_get_info(model, &info));
  EXPECT(info.vocab != 0xffffffff && info.max_context == 0xffffffff);
  info.size = 0;
  EXPECT(mica_model_get_info(model, &info) == MICA_INVALID);
}

static void test_text(const mica_model *model, const char *prompt) {
  int32_t ids[512], wrong = -1;
  char text[2048];
  size_t count = 0, length = 0, all = strlen(prompt);
  EXPECT(mica_encode(model, prompt, all, 0, NULL, 0, &count) == MICA_SMALL);
  EXPECT(count > 0 && count <= 512);
  EXPECT(!mica_encode(model, prompt, all, 0, ids, 512, &count));
  EXPECT(mica_decode(model, ids, count, 0, text, 1, &length) == MICA_SMALL);
  EXPECT(!mica_decode(model, ids, count, 0, text, sizeof(text), &length));
  EXPECT(length == all && !memcmp(text, prompt, all));
  EXPECT(mica_decode(model, &wrong, 1, 0, text, 9, &length) == MICA_INVALID);
}

static void test_samplers(void) {
  mica_sampler *sampler = NULL;
  mica_sampler_options options;
  float logits[3] = {1, 3, 2};
  int32_t id = -1;
  memset(&options, 0, sizeof(options));
  options.size = sizeof(options);
  options.temperature = -1;
  EXPECT(mica_sampler_create(&options, &sampler) == MICA_INVALID && !sampler);
  options.temperature = 2;
  options.top_k = 1;
  EXPECT(!mica_sampler_create(&options, &sampler));
  EXPECT(!mica_sampler_sample(sampler, logits, 3, &id) && id == 1);
  EXPECT(mica_sampler_sample(sampler, logits, 0, &id) == MICA_INVALID);
  mica_sampler_free(sampler);
  options.size = offsetof(mica_sampler_options, min_p); /* an older program */
  options.min_p = 7;
  EXPECT(!mica_sampler_create(&options, &sampler));
  mica_sampler_free(sampler);
}

/* What one sampler draws of logits, after some tokens; it is freed. */
static int32_t draw(const mica_sampler_options *options) {
  const float logits[5] = {1, 3, 2, 2.5f, 0};
  const int32_t before[5] = {1, 3, 0, 1, 3};
  mica_sampler *sampler;
  int32_t id = -1;
  EXPECT(!mica_sampler_create(options, &sampler));
  EXPECT(!mica_sampler_accept(sampler, before, 5));
  EXPECT(!mica_sampler_sample(sampler, logits, 5, &id));
  EXPECT(mica_sampler_accept(sampler, NULL, 1) == MICA_INVALID);
  mica_sampler_free(sampler);
  return id;
}

/* What any of 2000 seeds draws, as bits. */
static unsigned drawn(mica_sampler_options options) {
  unsigned found = 0;
  options.temperature = 1;
  for (options.seed = 0; options.seed < 2000; ++options.seed)
    found |= 1u << draw(&options);
  return found;
}

/* Each field does something, and what it may not be is refused. */
static void test_sampler_fields(const mica_model *model) {
  mica_sampler_options none, o;
  const mica_logit_bias ban = {1, -HUGE_VALF}, wrong = {-1, 0};
  const char *const texts[1] = {"\n"};
  mica_sampler *sampler;
  memset(&none, 0, sizeof(none));
  none.size = sizeof(none);
#define REFUSED(FIELD, VALUE)                                                  \
  do {                                                                         \
    mica_sampler_options refused = none;                                       \
    refused.FIELD = (VALUE);                                                   \
    EXPECT(mica_sampler_create(&refused, &sampler) == MICA_INVALID);           \
    EXPECT(!sampler);                                                          \
  } while (0)
#define DRAWN(FIELD, VALUE, IDS)                                               \
  do {                                                                         \
    o = none;                                                                  \
    o.FIELD = (VALUE);                                                         \
    EXPECT(drawn(o) == (IDS));                                                 \
  } while (0)
  EXPECT(draw(&none) == 1 && drawn(none) == 31);
  DRAWN(min_p, 0.5f, 10);      /* 3 and 2.5 */
  DRAWN(top_n_sigma, 0.2f, 2); /* 3 */
  DRAWN(typical_p, 0.1f, 8);   /* 2.5 is near the entropy */
  DRAWN(stages, "top_k;temperature", 31);
  DRAWN(bias, &ban, 31); /* of none: the count is 0 */
  o.bias_count = 1;
  EXPECT(drawn(o) == 29 && draw(&o) == 3);
  o = none;
  o.xtc_probability = 1;
  o.xtc_threshold = 0.2f; /* of 3 and 2.5 the worse one stays */
  EXPECT(!(drawn(o) & 2));
  o = none;
  o.repeat_penalty = 9;
  EXPECT(draw(&o) == 2);
  o.penalty_last_n = 1; /* 3 alone was there */
  EXPECT(draw(&o) == 1);
  o = none;
  o.frequency_penalty = 1; /* 3 - 2, 2.5 - 2 and 2 */
  EXPECT(draw(&o) == 2);
  o = none;
  o.presence_penalty = 0.75f; /* 3 - .75 is the best still */
  EXPECT(draw(&o) == 1);
  o = none;
  o.dry_multiplier = 10; /* 1, 3 was followed by 0 */
  o.bias_count = 1;
  o.bias = &ban;
  EXPECT(draw(&o) == 3);
  o = none;
  o.mirostat = 2;
  o.mirostat_tau = 0.01f;
  EXPECT(drawn(o) == 2);
  REFUSED(mirostat, 2); /* with a temperature of 0 */
  REFUSED(mirostat, 3);
  REFUSED(min_p, 1.5f);
  REFUSED(typical_p, -1);
  REFUSED(repeat_penalty, -1);
  REFUSED(penalty_last_n, -2);
  REFUSED(dry_base, 0.5f);
  REFUSED(xtc_threshold, NAN);
  REFUSED(stages, "top_k;nothing");
  EXPECT(strstr(mica_last_error(), "'nothing', expected one of penalties, "));
  REFUSED(bias_count, 1);
  REFUSED(dry_breaker_count, 1);
  o = none;
  o.bias = &wrong;
  o.bias_count = 1;
  EXPECT(mica_sampler_create(&o, &sampler) == MICA_INVALID);
  o = none;
  o.dry_breakers = texts;
  o.dry_breaker_count = 1;
  EXPECT(mica_sampler_create(&o, &sampler) == MICA_INVALID);
  o.model = model;
  EXPECT(!mica_sampler_create(&o, &sampler));
  mica_sampler_free(sampler);
}

/* Feeds all but the last token, then goes on in a fork by steps. */
static void generate(mica_model *model, const char *prompt) {
  int32_t ids[512];
  size_t count, length;
  uint32_t left;
  const char *text;
  mica_sequence *first, *sequence;
  mica_sampler *best;
  mica_detokenizer *detokenizer;
  mica_logits logits;
  mica_request request;
  logits.size = sizeof(logits);
  EXPECT(!mica_encode(model, prompt, strlen(prompt),
                      MICA_ADD_SPECIAL | MICA_PARSE_SPECIAL, ids, 512, &count));
  EXPECT(!mica_sequence_create(model, &first));
  EXPECT(!mica_sampler_create(NULL, &best));
  EXPECT(!mica_detokenizer_create(model, 0, &detokenizer));
  EXPECT(!mica_model_feed(model, first, ids, count - 1, 0, &logits));
  EXPECT(!mica_sequence_fork(first, &sequence));
  mica_sequence_free(first);
  EXPECT(mica_sequence_length(sequence) == count - 1);
  request.size = sizeof(request);
  request.sequence = sequence;
  request.tokens = ids + count - 1;
  request.count = 1;
  request.outputs = 1;
  for (left = 32; left; --left) {
    int32_t id = -5;
    EXPECT(!mica_model_step(model, &request, 1, &logits) && logits.rows == 1);
    EXPECT(!mica_sampler_sample(best, logits.data, logits.vocab, ids));
    if (mica_is_end(model, ids[0]))
      break;
    EXPECT(!mica_detokenizer_push(detokenizer, ids[0], &text, &length));
    fwrite(text, 1, length, stdout);
    request.tokens = &id; /* refused: nothing changes */
    EXPECT(mica_model_step(model, &request, 1, &logits) == MICA_INVALID);
    request.tokens = ids;
  }
  EXPECT(!mica_detokenizer_finish(detokenizer, &text, &length));
  fwrite(text, 1, length, stdout);
  puts("");
  mica_model_free(model); /* what remains keeps it in memory */
  mica_detokenizer_free(detokenizer);
  mica_sampler_free(best);
  mica_sequence_free(sequence);
}

int main(int argc, char **argv) {
  mica_model *model = NULL;
  const char *path = argc == 3 && *argv[1] ? argv[1] : NULL;
  EXPECT(argc == 3);
  EXPECT(mica_version() == 65536u * MICA_C_MAJOR + MICA_C_MINOR);
  test_loading();
  test_samplers();
  EXPECT(!mica_model_load(path, NULL, &model));
  test_info(model);
  test_text(model, argv[2]);
  test_sampler_fields(model);
  generate(model, argv[2]);
  return 0;
}
