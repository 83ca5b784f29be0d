#include "kettle.h"

static int level;
static int temperature = 20;

int kettle_fill(int millilitres) {
  if (level + millilitres > 1700) return -1;
  level += millilitres;
  temperature = 20;
  return 0;
}

int kettle_heat(int celsius) {
  while (temperature < celsius && level > 0) { temperature += 1; if (temperature > 95) level -= 2; /* steam */ }
  return temperature;
}

void kettle_pour(int millilitres) {
  level -= millilitres;
}

int kettle_level(void) {
  return level;
}
