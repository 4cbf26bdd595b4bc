// Files inside the program, so that it needs none beside it. The compiler reads them by #embed (C23; clang from
// 19 on, thus Swift 6.2) in no time, where array literals in Swift cost it seconds.
#include "CBundledFiles.h"

#include <string.h>

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char astronaut_32[] = {
#embed "photographs/32/astronaut.png"
};
static const unsigned char astronaut_64[] = {
#embed "photographs/64/astronaut.png"
};
static const unsigned char astronaut_face_32[] = {
#embed "photographs/32/astronaut_face.png"
};
static const unsigned char astronaut_face_64[] = {
#embed "photographs/64/astronaut_face.png"
};
static const unsigned char chelsea_32[] = {
#embed "photographs/32/chelsea.png"
};
static const unsigned char chelsea_64[] = {
#embed "photographs/64/chelsea.png"
};
static const unsigned char coffee_32[] = {
#embed "photographs/32/coffee.png"
};
static const unsigned char coffee_64[] = {
#embed "photographs/64/coffee.png"
};
static const unsigned char hubble_32[] = {
#embed "photographs/32/hubble.png"
};
static const unsigned char hubble_64[] = {
#embed "photographs/64/hubble.png"
};
static const unsigned char retina_32[] = {
#embed "photographs/32/retina.png"
};
static const unsigned char retina_64[] = {
#embed "photographs/64/retina.png"
};
static const unsigned char rocket_32[] = {
#embed "photographs/32/rocket.png"
};
static const unsigned char rocket_64[] = {
#embed "photographs/64/rocket.png"
};
static const unsigned char configuration[] = {
#embed "tiny-text-model/config.json"
};
static const unsigned char weights[] = {
#embed "tiny-text-model/model.safetensors"
};
static const unsigned char private_texts[] = {
#embed "tiny-text-model/private-texts.txt"
};
static const unsigned char tokenizer[] = {
#embed "tiny-text-model/tokenizer.json"
};
static const unsigned char patients[] = {
#embed "tables/patients.csv"
};
static const unsigned char patients_schema[] = {
#embed "tables/patients.yaml"
};
// Made by scripts/docs/schemas.py.
#include "schemas/arrays.inc"

static const struct {
  const char *path;
  const unsigned char *bytes;
  size_t count;
} files[] = {
    {"tables/patients.csv", patients, sizeof patients},
    {"tables/patients.yaml", patients_schema, sizeof patients_schema},
    {"photographs/32/astronaut.png", astronaut_32, sizeof astronaut_32},
    {"photographs/64/astronaut.png", astronaut_64, sizeof astronaut_64},
    {"photographs/32/astronaut_face.png", astronaut_face_32, sizeof astronaut_face_32},
    {"photographs/64/astronaut_face.png", astronaut_face_64, sizeof astronaut_face_64},
    {"photographs/32/chelsea.png", chelsea_32, sizeof chelsea_32},
    {"photographs/64/chelsea.png", chelsea_64, sizeof chelsea_64},
    {"photographs/32/coffee.png", coffee_32, sizeof coffee_32},
    {"photographs/64/coffee.png", coffee_64, sizeof coffee_64},
    {"photographs/32/hubble.png", hubble_32, sizeof hubble_32},
    {"photographs/64/hubble.png", hubble_64, sizeof hubble_64},
    {"photographs/32/retina.png", retina_32, sizeof retina_32},
    {"photographs/64/retina.png", retina_64, sizeof retina_64},
    {"photographs/32/rocket.png", rocket_32, sizeof rocket_32},
    {"photographs/64/rocket.png", rocket_64, sizeof rocket_64},
    {"tiny-text-model/config.json", configuration, sizeof configuration},
    {"tiny-text-model/model.safetensors", weights, sizeof weights},
    {"tiny-text-model/private-texts.txt", private_texts, sizeof private_texts},
    {"tiny-text-model/tokenizer.json", tokenizer, sizeof tokenizer},
#include "schemas/table.inc"
};

const unsigned char *gradleak_bundled_file(const char *path, size_t *count) {
  for (size_t index = 0; index < sizeof files / sizeof files[0]; index++) {
    if (strcmp(files[index].path, path) == 0) {
      *count = files[index].count;
      return files[index].bytes;
    }
  }
  *count = 0;
  return NULL;
}

const char *gradleak_bundled_path(size_t index) {
  return index < sizeof files / sizeof files[0] ? files[index].path : NULL;
}
